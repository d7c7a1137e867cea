import { formatUserCode, type PendingDevice } from '../../oauth/index.ts';
import { type Html, html } from '../../ui/html.ts';
import { field } from '../../ui/layout.ts';
import { message, wait } from '../../ui/messages.ts';
import { scopeLabels } from '../interaction/consent.ts';

/** Relative, so that forms post to their own address behind any proxy. */
const ACTION = 'device';

/** RFC 8628 §3.3: the form for the code of the device. A code from a link is filled in, and still has to be submitted. */
export function codeForm(typed: string, error?: string): Html {
  return html`<p class="quiet">Type the code that your device shows.</p>
<form method="post" action="${ACTION}">
${field({ name: 'user_code', label: 'Code', type: 'text', value: typed, isRequired: true, hint: 'Eight letters, like BCDF-GHJK.', errors: error === undefined ? [] : [error], hasFocus: true })}
<button type="submit">Continue</button>
</form>`;
}

/** The question: what the device asks for, by which client, for which user. */
export function question(
  device: PendingDevice,
  user: { readonly username: string },
  hidden: { readonly userCode: string; readonly confirmation: string },
  hasChanged: boolean,
): Html {
  const { client, api, permissions } = device;
  return html`${hasChanged ? html`<p class="error">${message('device.changed')}</p>` : null}
<p><strong>${client.name}</strong> on a device wants to act for <strong>${user.username}</strong>.</p>
${client.isDynamic ? html`<p class="quiet">This name is not verified.</p>` : null}
<p>Does the device show this code? <strong><code>${formatUserCode(hidden.userCode)}</code></strong></p>
<p class="quiet">If you did not start this yourself, or somebody sent you here, cancel.</p>
${accessList(device)}
${api && (permissions === null || permissions.length > 0) ? html`<p class="quiet">At: ${api.name}</p>` : null}
<form method="post" action="${ACTION}">
${field({ name: 'user_code', label: '', type: 'hidden', value: hidden.userCode })}
${field({ name: 'confirmation', label: '', type: 'hidden', value: hidden.confirmation })}
<button type="submit" name="decision" value="allow">Allow</button>
<button type="submit" name="decision" value="deny" class="plain">Cancel</button>
</form>`;
}

function accessList({ scopes, permissions, api }: PendingDevice): Html {
  const labels = scopes.flatMap((one) => scopeLabels[one] ?? []);
  const permissionLines = permissions?.map((one) => html`${one.label || one.name} <code>${one.name}</code>`);
  const everything = permissions === null && api ? [html`Do whatever you may do at ${api.name}`] : [];
  const lines = [...labels.map((one) => html`${one}`), ...(permissionLines ?? []), ...everything];
  return lines.length === 0
    ? html`<p>It asks for nothing more than to know that it is you.</p>`
    : html`<p>It would be able to:</p><ul>${lines.map((line) => html`<li>${line}</li>`)}</ul>`;
}

export const allowed = html`<p>The device goes on by itself now. You can close this page.</p>`;
export const denied = html`<p>The device does not get access. You can close this page.</p>`;

/** RFC 8628 §5.1. */
export function tooMany(seconds: number): Html {
  return html`<p>${message('device.throttled', wait(seconds))}</p>`;
}
