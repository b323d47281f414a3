/** The browser transfer in a real Chromium: the login page is clicked, the tokens arrive sealed. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { hasChromium, startChromium } from '../support/chromium.ts';
import { eventually, startServer, type TestServer } from '../support/mcp-server.ts';

describe.skipIf(!hasChromium)('a transfer in Chromium (skipped without /usr/bin/chromium)', () => {
  let browser: Browser;
  let sandbox: Sandbox;
  let server: TestServer;
  beforeAll(async () => {
    browser = await startChromium();
    sandbox = await startSandbox();
    server = await startServer({
      environment: { CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin },
    });
  });
  afterAll(async () => {
    await browser.close();
    await server.close();
    await sandbox.close();
  });

  it('ends with the page that the agent asked for, and the next application needs no click', async () => {
    const url = new URL('/echo', sandbox.applications['browser-login'].url).href;
    const fetching = server.call('access_fetch', { url });
    const tab = await browser.newPage();
    await tab.goto(await eventually(async () => (await server.opened())[0]));
    await tab.getByRole('button', { name: sandbox.people[0] ?? '' }).click();
    await tab.getByText('You are signed in as').waitFor();
    expect((await fetching).json).toMatchObject({ status: 200, auth: 'cf_access_token' });
    const second = new URL('/echo', sandbox.applications['browser-login-second'].url).href;
    expect((await server.call('access_fetch', { url: second })).json).toMatchObject({
      status: 200,
      auth: 'cf_access_token',
    });
    expect(await server.opened()).toHaveLength(1);
    await tab.close();
  });

  it('a person who declines or is not allowed leaves the sign-in open for another try', async () => {
    const url = new URL('/echo', sandbox.applications['service-auth-or-login'].url).href;
    sandbox.endGrants();
    const signingIn = server.call('authenticate', { url });
    const opened = await eventually(async () => (await server.opened())[1]);
    const context = await browser.newContext();
    const tab = await context.newPage();
    await tab.goto(opened);
    await tab.getByRole('button', { name: /decline/i }).click();
    await tab.goto(opened);
    await tab.getByRole('button', { name: sandbox.people[1] ?? '' }).click();
    await tab.getByText('You are signed in as').waitFor();
    expect((await signingIn).json).toMatchObject({ status: 'authenticated' });
    expect(await server.opened()).toHaveLength(2);
    await context.close();
  });
});
