import type { ApiSettings } from '../../permissions/index.ts';
import type { Output } from '../command.ts';
import { AUDIENCE_ONLY } from '../doctor/typ.ts';

/** What a command says that gives an API tokens of `typ` JWT, beside the rest. */
export function withTypWarning({ typ }: ApiSettings, output: Output): Output {
  if (typ !== 'JWT') return output;
  const data = { ...(output.data as object), warnings: [AUDIENCE_ONLY] };
  return { ...output, data, text: `${output.text}\nWarning: ${AUDIENCE_ONLY}` };
}
