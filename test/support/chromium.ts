import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import type { Test } from 'tap';

const PATH = '/usr/bin/chromium';

/** Why a test in a real browser cannot run here; false where it can. */
export const NO_CHROMIUM = existsSync(PATH) ? false : `there is no Chromium at ${PATH} (Debian: chromium)`;

const quiet = ['--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

/** Debian's Chromium, without a window and without anything that it does on its own. */
export async function startChromium(t: Test): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: PATH,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', ...quiet],
  });
  t.teardown(() => browser.close());
  return browser;
}
