/** The rules of the house, read from the imports: who may know whom (AGENTS.md). */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = new URL('../src', import.meta.url).pathname;

interface File {
  /** Relative to src/, with slashes. */
  readonly name: string;
  /** The folder, or the file itself for those directly in src/. */
  readonly room: string;
  /** Relative to src/ for our own, as written for packages. */
  readonly imports: readonly string[];
  readonly text: string;
}

const files: readonly File[] = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((path) => {
    const name = path.split(sep).join('/');
    const text = readFileSync(join(root, path), 'utf8');
    const imports = [...text.matchAll(/(?:^|\s)(?:from|import)\s*\(?\s*'([^']+)'/g)]
      .map(([, source]) => source ?? '')
      .map((source) =>
        source.startsWith('.')
          ? relative(root, join(root, dirname(path), source))
              .split(sep)
              .join('/')
          : source,
      );
    return { name, room: name.includes('/') ? (name.split('/')[0] ?? '') : name, imports, text };
  });

/** What stands between a call's parentheses, at its commas; `start` is behind the opening one. */
function argumentsAt(text: string, start: number): string[] {
  const given = [''];
  let depth = 0;
  let quote = '';
  for (let at = start; at < text.length; at += 1) {
    const character = text[at] ?? '';
    if (quote !== '') quote = character === quote && text[at - 1] !== '\\' ? '' : quote;
    else if (/['"`]/.test(character)) quote = character;
    else if (/[([{]/.test(character)) depth += 1;
    else if (/[)\]}]/.test(character)) depth -= 1;
    if (depth < 0) break;
    if (depth === 0 && quote === '' && character === ',') given.push('');
    else given[given.length - 1] += character;
  }
  return given.map((each) => each.trim()).filter((each) => each !== '');
}

/** Lines that hold more than blanks and comments. */
function codeLines(text: string): number {
  const code = text.replace(/^[ \t]*\/\*[\s\S]*?\*\/[ \t]*$/gm, '');
  return code.split('\n').filter((line) => !/^\s*(?:\/\/.*)?$/.test(line)).length;
}

const roomOf = (source: string) => (source.includes('/') ? (source.split('/')[0] ?? '') : source);
const own = (source: string) => source.endsWith('.ts');
/** Files directly in src/ that any room may use: they know no room themselves. */
const common = [
  'abortable.ts',
  'built-program.ts',
  'errors.ts',
  'instant.ts',
  'log.ts',
  'on-demand.ts',
  'once.ts',
  'next-step.ts',
  'receive-buffers.ts',
  'secure-url.ts',
  'server-text.ts',
  'sha256.ts',
  'shown-url.ts',
  'step-clauses.ts',
  'step-texts.ts',
];

/** The rooms from the ground floor up, and which of those below each may import from. */
const mayKnow: Record<string, readonly string[]> = {
  sandbox: [],
  secrets: [],
  page: [],
  http: ['secrets'],
  files: ['http', 'secrets'],
  answer: ['files', 'http', 'page', 'secrets'],
  oauth: ['http', 'secrets'],
  cloudflare: ['http', 'oauth'],
  session: ['cloudflare', 'http', 'oauth', 'secrets'],
  host: ['session'],
  'sign-in': ['cloudflare', 'http', 'oauth', 'session'],
  access: ['cloudflare', 'http', 'oauth', 'secrets', 'session', 'sign-in'],
  relay: ['access', 'cloudflare', 'http', 'secrets', 'sign-in'],
  bridge: ['http', 'relay', 'secrets'],
  carrier: ['http', 'relay'],
  tools: ['access', 'answer', 'cloudflare', 'files', 'http', 'secrets', 'sign-in'],
  config: ['access', 'cloudflare', 'http', 'oauth'],
  mcp: ['access', 'config', 'rooms.ts', 'session', 'sign-in', 'tools'],
  cli: [
    'access',
    'answer',
    'bridge',
    'carrier',
    'cloudflare',
    'config',
    'files',
    'host',
    'http',
    'oauth',
    'relay',
    'rooms.ts',
    'sandbox',
    'secrets',
    'session',
    'sign-in',
    'tools',
  ],
};

describe('a room', () => {
  it.each(Object.entries(mayKnow))('%s imports only what it may know', (room, allowed) => {
    const strange = files
      .filter((file) => file.room === room)
      .flatMap(({ name, imports }) =>
        imports
          .filter(own)
          .filter((source) => roomOf(source) !== room && ![...allowed].includes(roomOf(source)))
          .filter((source) => room === 'sandbox' || !common.includes(source))
          .map((source) => `${name} imports ${source}`),
      );
    expect(strange).toEqual([]);
  });

  it('host imports of the session room only its ports and records', () => {
    const strange = files
      .filter(({ room }) => room === 'host')
      .flatMap(({ name, imports }) =>
        imports
          .filter((source) => source.startsWith('session/'))
          .filter((source) => !['session/ports.ts', 'session/records.ts'].includes(source))
          .map((source) => `${name} imports ${source}`),
      );
    expect(strange).toEqual([]);
  });
});

describe('the whole', () => {
  it('knows the MCP SDK only in mcp/ and tools/, and in the demo of cli/', () => {
    const strange = files
      .filter(({ imports }) =>
        imports.some((source) => source.startsWith('@modelcontextprotocol/')),
      )
      .filter(({ name, room }) => !['mcp', 'tools'].includes(room) && !name.startsWith('cli/demo'));
    expect(strange.map(({ name }) => name)).toEqual([]);
  });

  it('reads process.env in its two programs alone', () => {
    const strange = files.filter(
      ({ name, text }) =>
        !['main.ts', 'host/browser/open-browser.ts'].includes(name) && /process\.env\b/.test(text),
    );
    expect(strange.map(({ name }) => name)).toEqual([]);
  });

  it('writes to stdout only in cli/, since stdout belongs to JSON-RPC', () => {
    const strange = files.filter(
      ({ name, room, text }) =>
        room !== 'cli' &&
        name !== 'mcp/record-handshake.ts' &&
        /console\.log|process\.stdout\.write/.test(text),
    );
    expect(strange.map(({ name }) => name)).toEqual([]);
  });

  it('shows nothing of an answer but through the concealer, which alone says what is clean', () => {
    const minting = files.filter(({ text }) => /\bas\b[^;]*\bConcealed</.test(text));
    expect(minting.map(({ name }) => name)).toEqual(['secrets/concealer.ts']);
    const sinks: Record<string, RegExp> = {
      'files/save.ts': /saveTo\(\s*body: Concealed</,
      'answer/present.ts': /text: Concealed<string>/,
      'http/response-headers.ts': /headers: Readonly<Record<string, Concealed<string>>>/,
      'cli/fetch/output.ts': /body\(body: Concealed<Readable>\)/,
      'bridge/remote.ts': /onMessage: \(message: Message, text: Concealed<string>\)/,
    };
    for (const [name, asks] of Object.entries(sinks)) {
      expect(files.find((file) => file.name === name)?.text, name).toMatch(asks);
    }
    // What else could write: stdout, files, what is printed on the way.
    const writers = files.filter(
      ({ name, text }) =>
        name.startsWith('cli/fetch') && /process\.stdout|createWriteStream/.test(text),
    );
    expect(writers.map(({ name }) => name)).toEqual(['cli/fetch/output.ts']);
    const takers = files.filter(
      ({ room, text }) => room !== 'sandbox' && /\bdecodedBody\(|\breadBody\(/.test(text),
    );
    expect(takers.map(({ name }) => name).sort()).toEqual([
      'answer/clean-body.ts',
      'bridge/reading.ts',
      'cli/fetch/markdown.ts',
      'http/body.ts',
      'http/peek.ts',
      'http/protocol-fetch.ts',
      'tools/fetching.ts',
    ]);
  });

  it('waits for the network where a bound is known, and nowhere else (SECURITY.md, 6)', () => {
    const opens =
      /^import (?!type\b)(?!\{ STATUS_CODES \}).*from '(?:undici|node:(?:http|https|http2|net|tls|dgram|dns)(?:\/promises)?)'|\bglobalThis\.fetch\b|\bnew (?:WebSocket|EventSource)\b/m;
    const known = [
      'carrier/tcp-server.ts', // listens
      'cli/demo/free-port.ts', // listens
      'cli/doctor/machine.ts', // 3 s
      'host/loopback/loopback-server.ts', // listens
      'host/loopback/sibling.ts', // 1 s
      'http/connections/node-client.ts',
      'http/dispatcher.ts',
      'http/lookup.ts',
      'http/proxy-rules.ts', // reads addresses
    ];
    const strange = files
      .filter(({ room, text }) => room !== 'sandbox' && opens.test(text))
      .map(({ name }) => name)
      .filter((name) => !known.includes(name));
    expect(strange).toEqual([]);
    // No request without a `Deadline`, and nobody else makes one.
    const makers = files.filter(({ text }) => /\bas Deadline\b/.test(text));
    expect(makers.map(({ name }) => name)).toEqual(['http/waiting/within.ts']);
    // A relay's client is the bound of what it asks for; nobody else has one that long.
    const relaying = files.filter(({ text }) => /\bwhileClientWaits\(/.test(text));
    expect(relaying.map(({ name }) => name).sort()).toEqual([
      'access/exchange/guarded-request.ts',
      'http/waiting/within.ts',
    ]);
    // A question to a guard is bounded in `probe`; a hop by the deadline of its whole call.
    const asking = files.filter(({ text }) => /\bguardedSend\(/.test(text)).map(({ name }) => name);
    expect(asking.sort()).toEqual([
      'access/exchange/guarded-exchange.ts',
      'access/exchange/guarded-request.ts',
    ]);
  });

  it('has no cycle between files', () => {
    const imports = new Map(files.map(({ name, imports: sources }) => [name, sources.filter(own)]));
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (name: string, way: readonly string[]): void => {
      if (way.includes(name)) {
        cycles.push([...way.slice(way.indexOf(name)), name].join(' > '));
        return;
      }
      if (done.has(name)) return;
      for (const source of imports.get(name) ?? []) visit(source, [...way, name]);
      done.add(name);
    };
    for (const { name } of files) visit(name, []);
    expect(cycles).toEqual([]);
  });

  it('names another path of an origin by atPath, and resolves a reference where the result is judged', () => {
    // Sandbox: shares no code with the client. It plays the browser, and the service that is asked.
    const sandbox = ['sandbox/team/login.ts', 'sandbox/team/person.ts'];
    const bases = files
      .filter(({ name }) => name !== 'secure-url.ts' && !sandbox.includes(name))
      .flatMap(({ name, text }) =>
        [...text.matchAll(/\bURL(?:\.canParse|\.parse)?\(/g)]
          .map(({ index, 0: { length } }) => argumentsAt(text, index + length))
          .filter((given) => given.length > 1 && given[1] !== 'import.meta.url')
          .map((given) => `${name}: ${given.join(', ')}`),
      );
    expect(bases).toEqual([]);
    const resolving = files
      .filter(({ name, text }) => name !== 'secure-url.ts' && /\bresolveReference\b/.test(text))
      .map(({ name }) => name);
    expect(resolving.sort()).toEqual([
      'bridge/http-with-sse.ts', // the same origin alone
      'cli/fetch/write-out.ts', // printed, as curl does
      'cloudflare/login-redirect.ts', // only told apart
      'cloudflare/org-token.ts', // cookieFor
      'cloudflare/pasted-login.ts', // the same origin alone
      'http/hops.ts', // compared with where it came from
      'http/next-hop.ts', // https, no userinfo, no step down
      'oauth/resource-metadata.ts', // the same origin alone
      'page/mapping/context.ts', // printed, with the schemes that a page may name
      'page/markdown.ts', // the base of those
    ]);
  });

  it('asks whether a resource covers a URL in one place', () => {
    const comparing = files
      .filter(({ name }) => !name.startsWith('sandbox/'))
      .filter(({ text }) => /pathname\s*\.startsWith|\.startsWith\(`\$\{[^`]*\}\/`\)/.test(text))
      .map(({ name }) => name);
    expect(comparing.sort()).toEqual([
      'cloudflare/login-redirect.ts', // Access’s own path
      'cloudflare/org-token.ts', // the same
      'cloudflare/protection.ts', // the same
      'oauth/resource-scope.ts',
    ]);
  });

  it('knows every room', () => {
    const rooms = new Set(files.filter(({ name }) => name.includes('/')).map(({ room }) => room));
    expect([...rooms].sort()).toEqual(Object.keys(mayKnow).sort());
  });

  it('lets no room know one that stands above it', () => {
    const floors = Object.keys(mayKnow);
    const upward = floors.flatMap((room, floor) =>
      (mayKnow[room] ?? [])
        .filter((known) => floors.indexOf(known) >= floor)
        .map((known) => `${room} knows ${known}`),
    );
    expect(upward).toEqual([]);
  });

  it('has at most 20 files in a folder and 200 lines of code in a file', () => {
    const folders = new Map<string, number>();
    for (const { name } of files) folders.set(dirname(name), (folders.get(dirname(name)) ?? 0) + 1);
    expect([...folders].filter(([, count]) => count > 20)).toEqual([]);
    const long = files
      .map(({ name, text }) => ({ name, lines: codeLines(text) }))
      .filter(({ lines }) => lines > 200);
    expect(long).toEqual([]);
  });

  it('has no barrels and no rooms for odds and ends', () => {
    const odd = files.filter(({ name }) =>
      /(?:^|\/)(?:index|utils?|helpers?|manager|common|misc)\.ts$/.test(name),
    );
    expect(odd.map(({ name }) => name)).toEqual([]);
  });

  it('loads nothing of the other rooms for tools/list', () => {
    const seen = new Set<string>();
    const reach = (name: string): void => {
      if (seen.has(name)) return;
      seen.add(name);
      const text = files.find((file) => file.name === name)?.text ?? '';
      // What is imported statically, and not only for its types.
      for (const [, words, source] of text.matchAll(
        /^(?:import|export) ([^;]*?) ?from '(\.[^']+)'/gms,
      )) {
        if (!/^type\b/.test(words ?? '')) reach(join(dirname(name), source ?? ''));
      }
    };
    reach('main.ts');
    const heavy = [...seen].filter((name) =>
      /^(?:access|answer|cli|files|host|http|oauth|page|sandbox|session|sign-in)\//.test(name),
    );
    expect(heavy).toEqual([]);
  });
});
