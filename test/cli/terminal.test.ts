/** What is different on a terminal: colours, progress, and an address that is pasted. */
import { execFileSync, spawn } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { signInAs } from '../../src/sandbox/team/person.ts';
import { builtServer, eventually } from '../support/mcp-server.ts';
import { createProgram, type Program } from './program.ts';

/** util-linux's, which gives a program a terminal of its own. */
const hasScript = (() => {
  try {
    return execFileSync('script', ['--version']).toString().includes('util-linux');
  } catch {
    return false;
  }
})();

let sandbox: Sandbox;
let program: Program;

beforeEach(async () => {
  sandbox = await startSandbox();
  program = await createProgram();
});
afterEach(async () => {
  await program.remove();
  await sandbox.close();
});

function onTerminal(args: readonly string[]) {
  const command = [process.execPath, builtServer, ...args].map((each) => `'${each}'`).join(' ');
  const child = spawn('script', ['-qfec', command, '/dev/null'], {
    env: {
      PATH: process.env.PATH ?? '',
      HOME: program.place,
      TERM: 'xterm',
      BROWSER: 'false',
      CF_ACCESS_DATA_DIR: program.dataDir,
      CF_ACCESS_HEADLESS: '0',
    },
    stdio: 'pipe',
  });
  let shown = '';
  child.stdout.on('data', (chunk) => {
    shown += chunk;
  });
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', resolve);
  });
  return { shown: () => shown, type: (line: string) => child.stdin.write(`${line}\n`), ended };
}

describe.skipIf(!hasScript)('on a terminal', () => {
  it('finishes a sign-in with the pasted address, and takes no other for it', async () => {
    const wiki = sandbox.applications['managed-oauth'].url.href;
    const terminal = onTerminal(['login', wiki]);
    await eventually(() => /paste that address here/.exec(terminal.shown())?.[0]);
    const url = /http:\S+\/authorization\?[\w.~%=&+-]+/.exec(terminal.shown())?.[0] ?? '';
    terminal.type('nonsense');
    await eventually(() => /not an address that a sign-in ends at/.exec(terminal.shown())?.[0]);
    const visited = await signInAs(url, sandbox.people[0] ?? '', {
      stopAt: ({ pathname }) => pathname === '/callback',
    });
    terminal.type(visited.url.href);
    expect(await terminal.ended).toBe(0);
    expect(terminal.shown()).toContain('Signed in to');
  });

  it('says what it is where it is started as a server by hand', async () => {
    const terminal = onTerminal([]);
    await eventually(() => /runs as an MCP server.*--help/.exec(terminal.shown())?.[0]);
    terminal.type('\u0004');
    expect(await terminal.ended).toBe(0);
  });

  it('is in colour', async () => {
    const terminal = onTerminal(['status']);
    expect(await terminal.ended).toBe(0);
    expect(terminal.shown()).toContain('\u001b[2m');
  });

  it('is not sent a binary body, unless it is asked for', async () => {
    const bytes = new URL('/bytes/500', sandbox.applications.bypass.url).href;
    const refused = onTerminal(['fetch', bytes]);
    expect(await refused.ended).toBe(23);
    expect(refused.shown()).toContain('--output');
    expect(await onTerminal(['fetch', '-o', '-', bytes]).ended).toBe(0);
  });
});
