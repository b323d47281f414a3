/**
 * The fault matrix: rows of data, run through the built server. Each row tells a fault, the code that
 * the caller must get, and what must be seen at the far end. After each row the same holds: the evil
 * origin has seen no secret, and nothing is lost (the server lives, and a session of before still serves).
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from './callback-port.ts';
import {
  type HostileApplication,
  startHostileApplication,
  type Twists,
} from './hostile-application.ts';
import { type HostileOrigin, startHostileOrigin } from './hostile-origin.ts';
import {
  eventually,
  startServer,
  type TestServer,
  type TestServerOptions,
  type ToolAnswer,
} from './mcp-server.ts';

export interface World {
  readonly server: TestServer;
  /** Where nothing secret may ever arrive. */
  readonly evil: HostileOrigin;
  /** The only port that the server may take callbacks at. */
  readonly callbackPort: number;
  /** A fresh application, closed when the row ends. */
  app(twists?: Twists): Promise<HostileApplication>;
  /** A fresh origin with answers of the row's own. */
  origin(...args: Parameters<typeof startHostileOrigin>): Promise<HostileOrigin>;
  /** Runs when the row ends. */
  after(work: () => unknown): void;
  call: TestServer['call'];
  /** Begins a sign-in that waits, and gives its authorization URL. */
  pending(app: HostileApplication): Promise<URL>;
  /** The addresses at `app` that the browser was asked to open. */
  openedAt(app: HostileApplication): Promise<string[]>;
  /** Signs in at `app`, all the way. */
  signIn(app: HostileApplication): Promise<void>;
}

export interface Row {
  /** A sentence, with its clause. */
  readonly fault: string;
  /** The code of the error; `null` for a result. */
  readonly code: string | null;
  /** Makes the fault and the call that meets it; gives the call's answer and the far end's check. */
  readonly run: (world: World) => Promise<{ answer: ToolAnswer; far: () => unknown }>;
}

export function matrix(
  group: string,
  rows: readonly Row[],
  options: (
    port: number,
    evil: HostileOrigin,
  ) => TestServerOptions | Promise<TestServerOptions> = () => ({}),
): void {
  describe(group, () => {
    let server: TestServer;
    let evil: HostileOrigin;
    let standing: HostileApplication;
    let callbackPort = 0;
    const apps = new Set<HostileApplication>();
    let endings: (() => unknown)[] = [];

    const world = (): World => ({
      server,
      evil,
      callbackPort,
      call: (...args) => server.call(...args),
      async app(twists) {
        const app = await startHostileApplication(twists);
        apps.add(app);
        endings.push(() => app.close());
        return app;
      },
      async origin(...args) {
        const origin = await startHostileOrigin(...args);
        endings.push(() => origin.close());
        return origin;
      },
      after: (work) => void endings.push(work),
      pending: (app) => begin(server, app),
      openedAt: async (app) => (await server.opened()).filter((url) => url.startsWith(app.origin)),
      async signIn(app) {
        await visit(await begin(server, app));
        const { json } = await server.call('authenticate', { url: app.at('/') });
        expect(json).toMatchObject({ status: 'authenticated' });
      },
    });

    beforeAll(async () => {
      evil = await startHostileOrigin();
      callbackPort = await freePort();
      const { environment, ...others } = await options(callbackPort, evil);
      server = await startServer({
        ...others,
        environment: {
          CF_ACCESS_CALLBACK_PORT: String(callbackPort),
          CF_ACCESS_LOG: 'debug',
          ...environment,
        },
      });
      standing = await startHostileApplication();
      apps.add(standing);
      if (environment?.CF_ACCESS_HEADLESS === '1') return;
      await world().signIn(standing);
    });
    afterAll(async () => {
      await server?.close();
      await evil?.close();
      await standing?.close();
    });

    it.each(rows.map((row) => [row.fault, row] as const))('%s', async (_, row) => {
      const seenBefore = standing.seen.length;
      evil.seen.length = 0;
      endings = [];
      try {
        const { answer, far } = await row.run(world());
        expect(answer.json?.error?.code ?? null, JSON.stringify(answer.json)).toBe(row.code);
        expect(answer.isError).toBe(row.code !== null);
        await far();
        expectNoSecrets(answer);
        await expectAlive(seenBefore);
      } finally {
        for (const end of endings.reverse()) await end();
      }
    });

    /** Nothing that was issued by anyone: in the answer, on stderr, or at the evil origin. */
    function expectNoSecrets(answer: ToolAnswer): void {
      const heard = JSON.stringify(evil.seen.map((one) => ({ ...one, query: [...one.query] })));
      const shown = JSON.stringify(answer.content) + server.stderr();
      for (const secret of [...apps].flatMap(({ issued }) => issued)) {
        for (const form of [secret, encodeURIComponent(secret)]) {
          expect(heard.includes(form), 'a secret reached the evil origin').toBe(false);
          expect(shown.includes(form), 'a secret was shown').toBe(false);
        }
      }
    }

    /** Nothing is lost: one request, with the session of before. */
    async function expectAlive(before: number): Promise<void> {
      expect(server.stderr(), 'an exception that nobody caught').not.toContain('error: unexpected');
      const tools = await server.client.listTools();
      expect(tools.tools).toHaveLength(4);
      const answer = await server.call('access_fetch', { url: standing.at('/'), sign_in: false });
      if (standing.issued.length === 0) return;
      expect(answer.json).toMatchObject({ status: 200, auth: 'oauth' });
      expect(standing.seen.length - before).toBe(1);
    }
  });
}

async function begin(server: TestServer, app: HostileApplication): Promise<URL> {
  const { json } = await server.call('authenticate', { url: app.at('/'), wait_seconds: 0 });
  expect(json, JSON.stringify(json)).toMatchObject({ status: 'pending' });
  return new URL(String(json.authorization_url));
}

/** What a browser does: opens the address, and follows the redirects to the end. */
export async function visit(url: URL | string): Promise<Response> {
  // The callback's port is each command's in turn, and fetch would use the connection to an ended one.
  return fetch(url, { headers: { accept: 'text/html', connection: 'close' } });
}

/** The callback's address that the authorization server sends the browser to, not yet visited. */
export async function callbackOf(url: URL): Promise<URL> {
  const answer = await fetch(url, { redirect: 'manual' });
  return new URL(answer.headers.get('location') ?? '');
}

export { eventually };
