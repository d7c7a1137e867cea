import { openapiYaml } from '../../platform/http/index.ts';
import type { LocalCommand } from '../command.ts';

export const openapi: LocalCommand = {
  kind: 'local',
  name: 'openapi',
  summary: 'What the HTTP API takes and answers, as an OpenAPI document (YAML)',
  usage: '',
  args: { min: 0, max: 0 },
  async run() {
    const { describeService } = await import('../reference.ts');
    const document = await describeService();
    return { data: document, text: (await openapiYaml(document)).trimEnd() };
  },
};
