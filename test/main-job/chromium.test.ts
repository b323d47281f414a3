/** The sign-in in a real Chromium: the login page is clicked, the redirect lands on the callback. */
import { mkdir } from 'node:fs/promises';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { hasChromium, startChromium } from '../support/chromium.ts';
import { eventually, startServer, type TestServer } from '../support/mcp-server.ts';

const screenshots = new URL('../../test-output/', import.meta.url).pathname;

describe.skipIf(!hasChromium)('a sign-in in Chromium (skipped without /usr/bin/chromium)', () => {
  let browser: Browser;
  let sandbox: Sandbox;
  let server: TestServer;

  beforeAll(async () => {
    await mkdir(screenshots, { recursive: true });
    browser = await startChromium();
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    sandbox = await startSandbox();
    server = await startServer();
  });
  afterEach(async () => {
    await server.close();
    await sandbox.close();
  });

  const opened = () => eventually(async () => (await server.opened())[0]);

  it.each([
    { name: 'light', colorScheme: 'light' as const, viewport: { width: 1000, height: 700 } },
    { name: 'dark-phone', colorScheme: 'dark' as const, viewport: { width: 390, height: 700 } },
  ])('ends on our page, and the agent has the page it asked for ($name)', async (look) => {
    const { name, ...settings } = look;
    const url = sandbox.applications['managed-oauth'].url.href;
    const fetching = server.call('access_fetch', { url });
    const tab = await browser.newPage(settings);
    const errors: string[] = [];
    tab.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    await tab.goto(await opened());
    await tab.screenshot({ path: `${screenshots}login-${name}.png` });
    await tab.getByRole('button', { name: sandbox.people[0] ?? '' }).click();
    await tab.waitForURL(/\/callback\?/);
    await tab.screenshot({ path: `${screenshots}signed-in-${name}.png` });
    expect(await tab.locator('body').textContent()).toContain(new URL(url).host);
    expect(errors).toEqual([]);
    const answer = await fetching;
    expect(answer.json).toMatchObject({ status: 200, auth: 'oauth' });
    expect(answer.body).toContain('Internal wiki');
    await tab.close();
  });

  it('says on the page and to the agent that the person declined', async () => {
    const url = sandbox.applications['managed-oauth'].url.href;
    const signingIn = server.call('authenticate', { url });
    const tab = await browser.newPage();
    await tab.goto(await opened());
    await tab.getByRole('button', { name: /decline/i }).click();
    await tab.waitForURL(/\/callback\?/);
    await tab.screenshot({ path: `${screenshots}declined.png` });
    const answer = await signingIn;
    expect(answer.isError).toBe(true);
    expect(answer.json.error?.code).toBe('sign_in_declined');
    await tab.close();
  });
});
