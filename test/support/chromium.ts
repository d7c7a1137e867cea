import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import type { Test } from 'tap';

const PATH = '/usr/bin/chromium';

/** The reason to skip tests in a real browser; false if Chromium is present. */
export const NO_CHROMIUM = existsSync(PATH) ? false : `there is no Chromium at ${PATH} (Debian: chromium)`;

const quiet = ['--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

/** Starts Debian's Chromium, headless and without background activity. */
export async function startChromium(t: Test): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: PATH,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', ...quiet],
  });
  t.teardown(() => browser.close());
  return browser;
}
