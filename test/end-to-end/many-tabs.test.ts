/** One hostile host with a resource for every path: how many tabs it can open in the person's browser. */
import { afterEach, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import {
  type HostileApplication,
  metadataPath,
  registrationPath,
  startHostileApplication,
} from '../support/hostile-application.ts';
import { eventually, startServer, type TestServer } from '../support/mcp-server.ts';

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

/** Each path is a resource of its own. */
async function startManyResources(): Promise<HostileApplication> {
  const app = await startHostileApplication({
    challenge: ({ path }, _, { at }) => ({
      status: 401,
      headers: { 'www-authenticate': `Bearer resource_metadata="${at(metadataPath + path)}"` },
    }),
    resourceMetadata: ({ path }, _, { at, origin }) => ({
      json: { resource: at(path.slice(metadataPath.length)), authorization_servers: [origin] },
    }),
  });
  endings.push(() => app.close());
  return app;
}

async function start(dataDir?: string): Promise<TestServer> {
  const server = await startServer(dataDir === undefined ? {} : { dataDir });
  endings.push(() => server.close());
  return server;
}

const begin = (server: TestServer, url: string) =>
  server.call('authenticate', { url, wait_seconds: 0 });

it('is a dozen in ten minutes, over all processes; what is open can still be joined', async () => {
  const app = await startManyResources();
  const first = await start();
  const second = await start(first.dataDir);
  const answers = [];
  for (let at = 0; at < 15; at += 1) {
    answers.push(await begin(at % 2 === 0 ? first : second, app.at(`/resource-${at}`)));
  }
  const begun = answers.filter(({ json }) => json.status === 'pending');
  expect(begun).toHaveLength(12);
  for (const { json, isError } of answers.slice(12)) {
    expect(isError).toBe(true);
    expect(json.error).toMatchObject({
      code: 'sign_in_pending',
      message: expect.stringContaining(`12 sign-ins for ${new URL(app.origin).host}`),
      next_step: expect.stringMatching(/Tell the person.*in (?:9|10) minutes\.$/),
    });
  }
  const opened = async () => [...(await first.opened()), ...(await second.opened())];
  await eventually(async () => ((await opened()).length === 12 ? true : undefined));
  expect(app.of(registrationPath)).toHaveLength(1);

  const joined = await begin(second, app.at('/resource-0'));
  expect(joined.json.authorization_url).toBe(answers[0]?.json.authorization_url);
  // Another host's budget is its own.
  const other = await startManyResources();
  expect((await begin(first, other.at('/resource-0'))).json).toMatchObject({ status: 'pending' });
  await eventually(async () => ((await opened()).length === 13 ? true : undefined));
});

it('leaves a team’s applications alone that are signed in to one after the other', async () => {
  const sandbox: Sandbox = await startSandbox();
  endings.push(() => sandbox.close());
  const server = await start();
  for (const { url } of Object.values(sandbox.applications)) {
    const { json } = await begin(server, url.href);
    expect(json.error?.code, url.href).not.toBe('sign_in_pending');
  }
});
