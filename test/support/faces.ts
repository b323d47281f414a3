/**
 * The built program by every way into it: the tools over stdio, and commands as processes, against a
 * sandbox of its own. Each call says what it came to and what reached the sandbox meanwhile; where a tab
 * opens, a person signs in.
 */
import { onTestFinished } from 'vitest';
import type { ApplicationName } from '../../src/sandbox/catalogue.ts';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/sandbox.ts';
import { signInAs } from '../../src/sandbox/team/person.ts';
import { createProgram, type Program, type Run } from '../cli/program.ts';
import { credentialsIn } from './evil-host.ts';
import { startServer, type TestServer, type ToolAnswer } from './mcp-server.ts';

export interface Met {
  /** In order, but for the person's browser and the transfer service: what it was, and the credential. */
  readonly asked: readonly string[];
  /** How many tabs were opened. */
  readonly tabs: number;
}

export interface Faces {
  readonly sandbox: Sandbox;
  readonly server: TestServer;
  readonly program: Program;
  url(name: ApplicationName, path?: string): string;
  tool(name: string, args: Record<string, unknown>): Promise<ToolAnswer & Met>;
  command(...args: string[]): Promise<Run & Met>;
}

export interface FacesOptions {
  readonly sandbox?: SandboxOptions;
  readonly environment?: (sandbox: Sandbox) => Record<string, string>;
}

export async function setUpFaces({
  sandbox: options,
  environment,
}: FacesOptions = {}): Promise<Faces> {
  const sandbox = await startSandbox(options);
  onTestFinished(() => sandbox.close());
  const own = {
    CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin,
    ...environment?.(sandbox),
  };
  const [server, program] = await Promise.all([
    startServer({ environment: own }),
    createProgram(own),
  ]);
  onTestFinished(async () => {
    await server.close();
    await program.remove();
  });

  const meeting = async <T extends object>(
    face: Pick<TestServer, 'opened'>,
    call: () => Promise<T>,
  ): Promise<T & Met> => {
    const before = (await face.opened()).length;
    sandbox.clearRequests();
    let isOver = false;
    const person = (async () => {
      for (let next = before; !isOver; ) {
        const tab = (await face.opened())[next];
        if (tab === undefined) await new Promise((resolve) => setTimeout(resolve, 20));
        else {
          next += 1;
          await signInAs(tab, sandbox.people[0] ?? '');
        }
      }
    })();
    try {
      const outcome = await call();
      const asked = sandbox.requests.filter(isOurs).map(toText);
      return Object.assign(outcome, { asked, tabs: (await face.opened()).length - before });
    } finally {
      isOver = true;
      await person;
    }
  };

  return {
    sandbox,
    server,
    program,
    url: (name, path = '/echo') => new URL(path, sandbox.applications[name].url).href,
    tool: (name, args) => meeting(server, () => server.call(name, args)),
    command: (...args) => meeting(program, () => program.run(args)),
  };
}

/** For CF_ACCESS_CLIENT_ID and its secret. */
export function pairOf({
  clientId,
  clientSecret,
}: Sandbox['serviceToken']): Record<string, string> {
  return { CF_ACCESS_CLIENT_ID: clientId, CF_ACCESS_CLIENT_SECRET: clientSecret };
}

function isOurs({ headers, host }: Sandbox['requests'][number]): boolean {
  return host !== 'transfer' && !String(headers['user-agent']).startsWith('Mozilla/');
}

const shortly: Readonly<Record<string, string>> = {
  authorization: 'Authorization',
  'cf-access-client-id cf-access-client-secret': 'service token',
  'cf-access-token': 'JWT',
};

function toText(request: Sandbox['requests'][number]): string {
  const credential = credentialsIn(request).join(' ');
  return credential === ''
    ? request.what
    : `${request.what} + ${shortly[credential] ?? credential}`;
}

export type Face =
  | 'detect_protection'
  | 'get_token'
  | 'authenticate'
  | 'access_fetch'
  | 'get_token, then'
  | 'doctor'
  | 'login'
  | 'fetch'
  | 'token';

/** What it came to and, behind that, what was asked. */
export type ByFace = Readonly<Record<Face, readonly string[]>>;

/**
 * The same URL by each face in turn, from no session to a session; the commands have sessions of their
 * own. `between`: before the commands. `words`: all that was said, for people and agents.
 */
export async function byEveryFace(
  { tool, command }: Faces,
  url: string,
  between?: () => void,
): Promise<{ met: ByFace; words: Readonly<Record<Face, string>> }> {
  const met: Partial<Record<Face, readonly string[]>> = {};
  const words: Partial<Record<Face, string>> = {};
  for (const face of ['detect_protection', 'get_token', 'authenticate', 'access_fetch'] as const) {
    const answer = await tool(face, { url });
    met[face] = [saidIn(answer.json) + tabsOf(answer), ...answer.asked];
    words[face] = JSON.stringify(answer.json);
  }
  const again = await tool('get_token', { url });
  met['get_token, then'] = [saidIn(again.json) + tabsOf(again), ...again.asked];
  words['get_token, then'] = JSON.stringify(again.json);
  between?.();
  for (const face of ['doctor', 'login', 'fetch', 'token'] as const) {
    const run = await command(face, url);
    met[face] = [`exit ${run.code}${tabsOf(run)}`, ...run.asked];
    words[face] = run.stdout + run.stderr;
  }
  return { met: met as ByFace, words: words as Record<Face, string> };
}

function tabsOf({ tabs }: Met): string {
  return tabs === 0 ? '' : `, ${tabs} tab${tabs === 1 ? '' : 's'}`;
}

/** The words by which each result is told from others of its tool. */
export function saidIn(json: ToolAnswer['json']): string {
  const { error, protection, sign_in: signIn, status, method, auth, header } = json;
  if (error) return error.code;
  if (protection !== undefined) return [protection, ...(signIn as string[])].join(' ');
  return [status, method, auth, header]
    .filter((each) => each !== undefined && each !== null)
    .join(' ');
}
