/**
 * Every command of the documents is run: here, as it stands but for the hosts' names, or by the test
 * that this table names with a line of it. What cannot be run here says why. A command that is in the
 * documents and not in the table fails, here and in test/citations.test.ts.
 */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { createProgram, type Program, type Running, startProcess } from '../cli/program.ts';
import { freePort } from '../support/callback-port.ts';
import { builtServer, eventually } from '../support/mcp-server.ts';
import { documentedCommands, fenced } from './documented-commands.ts';

interface Place {
  readonly sandbox: Sandbox;
  readonly program: Program;
  /** Runs a line in a shell that has the program on its PATH, hosts and ports put in. */
  sh(line: string, environment?: Record<string, string>): Promise<Running>;
}

type Run = (place: Place, line: string) => Promise<void>;

type Told =
  | { readonly runs: Run }
  /** A line of that file runs it. */
  | { readonly by: string; readonly line: string }
  | { readonly not: string };

const registry = 'the package is on no registry yet';
const ended = async (running: Promise<Running>) => (await running).ended;

/** Is done with 0, the browser having been signed in where that is asked for. */
const works: Run = async ({ sh, program, sandbox }, line) => {
  const login = await sh('cloudflare-access-mcp login https://app.example.com');
  await program.signIn(sandbox.people[0] ?? '');
  expect((await login.ended).code).toBe(0);
  expect(await ended(sh(line))).toMatchObject({ code: 0 });
};

/** Prints its first line, and runs on. */
const serves = (first: RegExp): Run => {
  return async ({ sh }, line) => {
    const running = await sh(line);
    await eventually(() => first.test(running.stdout()));
    running.child.kill('SIGINT');
    await running.ended;
  };
};

const told: Record<string, Told> = {
  // README
  'claude mcp add --scope user cloudflare-access -- npx -y cloudflare-access-mcp': {
    by: 'test/hosts/run.js',
    line: 'await tryLine(host, installed.bin);',
  },
  'codex mcp add cloudflare-access -- npx -y cloudflare-access-mcp': {
    by: 'test/hosts/run.js',
    line: 'await tryLine(host, installed.bin);',
  },
  'gemini mcp add --scope user cloudflare-access npx -y cloudflare-access-mcp': {
    by: 'test/hosts/run.js',
    line: 'await tryLine(host, installed.bin);',
  },
  'npm ci && npm install --global .': {
    by: 'test/packaging/run.js',
    line: "await run('npm', ['install', '--global', '--offline', tarball], { env });",
  },
  'npx -y cloudflare-access-mcp': {
    by: 'test/packaging/run.js',
    line: "equal('the tools', await listed({ ...source, env }), expectedTools);",
  },
  'npx -y cloudflare-access-mcp demo': {
    by: 'test/packaging/run.js',
    line: "const said = await run('npx', [source.name, 'demo', '--json'], { cwd: folder });",
  },
  'npx -y': { not: 'it is the beginning of the commands before' },
  'npm install --global cloudflare-access-mcp': { not: registry },
  'cloudflare-access-mcp fetch <url>': { runs: works },
  'token <url>': { by: 'test/cli/sessions.test.ts', line: "program.run(['token'" },
  'login <url>': { by: 'test/cli/sessions.test.ts', line: "program.start(['login', url])" },
  'fetch -J': { by: 'test/cli/fetch/saved.test.ts', line: "['-OJ', ['-OJ']" },
  'headers --service-token': { by: 'test/cli/headers.test.ts', line: "'--service-token'" },
  'fetch --connect-timeout': {
    by: 'test/cli/fetch/saved.test.ts',
    line: "'--connect-timeout', '0.5'",
  },
  'fetch <url…>': { by: 'test/cli/fetch/fetch.test.ts', line: "program.run(['fetch'" },
  'forward <url>': { by: 'test/support/forwarding.ts', line: "'forward'" },
  'headers [<url>]': { by: 'test/cli/headers.test.ts', line: "'headers'" },
  'cloudflare-access-mcp tcp <host> --listen <port>': {
    by: 'test/carrier/programs.test.ts',
    line: "program.start(['tcp', edge.origin, '--listen', '0'])",
  },
  'cloudflare-access-mcp tcp db.example.com --listen 5432': {
    by: 'test/carrier/programs.test.ts',
    line: "program.start(['tcp', edge.origin, '--listen', '0'])",
  },
  'psql "host=127.0.0.1 port=5432 user=ada dbname=app"': {
    by: 'test/carrier/programs.test.ts',
    line: 'user=ada dbname=postgres`',
  },
  'cloudflare-access-mcp tcp bastion.example.com --destination db.internal:5432 --listen 5432': {
    by: 'test/carrier/tcp.test.ts',
    line: "'--destination', '[2001:db8::1]:5432'",
  },
  'cloudflare-access-mcp forward <url>': { by: 'test/support/forwarding.ts', line: "'forward'" },

  // docs/command-line.md, docs/contract.md
  'connect <url>': { by: 'test/faults/connect.test.ts', line: "program.run(['connect', url])" },
  'tcp <host>': { by: 'test/carrier/programs.test.ts', line: '`ProxyCommand=' },
  'tcp <host> [--listen [address:]port]': {
    by: 'test/carrier/programs.test.ts',
    line: "program.start(['tcp', edge.origin, '--listen', '0'])",
  },
  'tcp --listen': {
    by: 'test/carrier/programs.test.ts',
    line: "program.start(['tcp', edge.origin, '--listen', '0'])",
  },
  'logout [<url>]': {
    by: 'test/end-to-end/own-authorization.test.ts',
    line: "program.run(['logout', '--json', url()])",
  },
  'doctor [<url>]': {
    by: 'test/cli/doctor/doctor.test.ts',
    line: "program.run(['doctor', '--json', ...(url ? [url] : [])]",
  },
  'doctor <url>': {
    by: 'test/cli/doctor/setup.test.ts',
    line: "program.run(['doctor', '--json', url]",
  },
  'doctor <url> --record <file>': {
    by: 'test/cli/doctor/recording.test.ts',
    line: "program.run(['doctor', url, '--record', path])",
  },
  'doctor --record': {
    by: 'test/cli/doctor/recording.test.ts',
    line: "program.run(['doctor', url, '--record', path])",
  },
  'sandbox --replay <file>': {
    by: 'test/cli/doctor/recording.test.ts',
    line: "program.start(['sandbox', '--replay', path, '--json'])",
  },
  'cloudflare-access-mcp fetch wiki.corp.example.com/page': { runs: works },
  'cloudflare-access-mcp curl -sSfL -o report.pdf https://wiki.corp.example.com/report.pdf': {
    // The sandbox has no such page, and -f minds.
    runs: (place, line) => works(place, line.replace('/report.pdf', '/status/200')),
  },
  'cloudflare-access-mcp curl --json \'{"title":"x"}\' https://api.corp.example.com/issues': {
    runs: works,
  },
  'cloudflare-access-mcp curl -F title=Plan -F file=@plan.pdf https://wiki.corp.example.com/upload':
    {
      async runs(place, line) {
        await writeFile(join(place.program.place, 'plan.pdf'), 'a plan');
        await works(place, line);
      },
    },
  'cloudflare-access-mcp curl --retry 5 -C - -O https://builds.corp.example.com/image.iso': {
    by: 'test/cli/fetch/saved.test.ts',
    line: "['-C - with nothing there', ['-C', '-', '-o', 'x'], ['/range'], {}, 0]",
  },
  "ssh -o ProxyCommand='cloudflare-access-mcp tcp %h' ada@ssh.example.com": {
    by: 'test/carrier/programs.test.ts',
    line: '`ProxyCommand=',
  },
  'cloudflare-access-mcp token --curl-config <url> | curl --config - <url>': { runs: works },
  'export TOKEN="$(cloudflare-access-mcp token <url>)"': { runs: works },

  // docs/speed.md
  'node -e 0': { by: 'bench/commands.js', line: "timed(['-e', '0'])" },

  // docs/hosts.md
  'claude plugin install cloudflare-access --marketplace cloudflare-access-mcp/cloudflare-access-mcp':
    {
      by: 'test/hosts/plugins.js',
      line: "return await host(['plugin', 'install', plugin, '--marketplace', marketplace], {",
    },
  'gemini extensions install https://github.com/cloudflare-access-mcp/cloudflare-access-mcp': {
    by: 'test/hosts/plugins.js',
    line: "return host(['extensions', 'install', join(made, 'gemini-extension'), '--consent']);",
  },

  // AGENTS.md and the skill
  'curl --config': {
    by: 'test/hosts/job.js',
    line: "run('curl', ['--silent', '--config', file, wiki])",
  },
  'cloudflare-access-mcp forward https://app.example.com': { runs: serves(/^http:\/\/127/m) },
  'npm ci': { by: '.ci/run', line: 'npm ci' },
  'npm run check': { by: '.ci/run', line: 'npm run check' },
  'npm run format': { not: 'it changes the tree; npm run check compares' },
  'npm test': { by: '.ci/run', line: 'npm test' },
  'npm run demo': { by: '.ci/run', line: 'npm run demo' },
  'npm run bench': { by: '.ci/run', line: 'npm run bench -- --short' },
  'npm run test:system': { by: '.ci/run', line: 'npm run test:system' },
  'npm run test:guards': { by: '.ci/run', line: 'npm run test:guards' },
  'npm run test:hosts': { by: '.ci/run', line: 'npm run test:hosts' },
  'npm run test:package': { by: '.ci/run', line: 'npm run test:package' },
  'npm run test:conformance': { by: '.ci/run', line: 'npm run test:conformance' },
  'npm run generate': { by: 'package.json', line: 'node packaging/generate.js --check' },

  // CONTRIBUTING.md, SECURITY.md
  'npm run release -- 0.1.0': {
    by: 'test/packaging/release.test.ts',
    line: "release('9.8.7')",
  },
  'npx vitest run FILE': { not: 'npm test and npm run test:system run them all' },
  'npm run test:guards -- --only NAME': { not: 'npm run test:guards runs them all' },
  'npm run test:hosts -- NAME': { not: 'npm run test:hosts runs them all' },
  'npm run test:…': { not: 'it stands for the commands above' },
  'npm run picture': { by: 'test/packaging/picture.test.ts', line: "'packaging/picture.js'" },
  'npm run pack:plugins': { by: 'test/packaging/run.js', line: "'packaging/assemble.js'" },
  'npm run --silent trace < trace.txt': {
    by: 'test/packaging/run.js',
    line: "join(root, 'packaging/stack-trace.js'),",
  },
  'npm audit': { not: 'its answer is of the day' },
  'npm audit --omit=dev': { not: 'its answer is of the day' },

  // docs/recipes.md
  'cloudflare-access-mcp login https://app.example.com': { runs: works },
  'cloudflare-access-mcp login <url>': { runs: works },
  'cloudflare-access-mcp fetch https://app.example.com/report.json -o report.json': { runs: works },
  'cloudflare-access-mcp fetch --json \'{"name":"new"}\' https://app.example.com/api/items': {
    async runs(place, line) {
      await works(place, line);
      const sent = place.sandbox.requests.filter(({ url }) => url === '/api/items').at(-1);
      expect(sent?.method).toBe('POST');
      expect(sent?.headers).toMatchObject({ 'content-type': 'application/json' });
    },
  },
  'cloudflare-access-mcp fetch -F title=Plan -F file=@plan.pdf https://app.example.com/upload': {
    async runs(place, line) {
      await writeFile(join(place.program.place, 'plan.pdf'), 'a plan');
      await works(place, line);
      const sent = place.sandbox.requests.filter(({ url }) => url === '/upload').at(-1);
      expect(sent?.method).toBe('POST');
      expect(sent?.headers['content-type']).toMatch(/^multipart\/form-data/);
      expect(sent?.body).toContain('a plan');
    },
  },
  'cloudflare-access-mcp fetch --retry 5 -C - -O https://app.example.com/builds/image.iso': {
    by: 'test/cli/fetch/saved.test.ts',
    line: "['-C - with nothing there', ['-C', '-', '-o', 'x'], ['/range'], {}, 0]",
  },
  'docker run -i --rm -p 127.0.0.1:8400:8400 -e CF_ACCESS_CALLBACK_BIND=0.0.0.0 -e CF_ACCESS_CALLBACK_PORT=8400 -e CF_ACCESS_DATA_DIR=/data -v cloudflare-access-mcp:/data an-image-with-it cloudflare-access-mcp':
    { not: 'there is no Docker; test/end-to-end/callback-bind.test.ts plays what it forwards' },
  'cloudflare-access-mcp token --curl-config https://app.example.com | curl --config - https://app.example.com/api':
    {
      async runs(place, line) {
        await works(place, line);
        const sent = place.sandbox.requests.filter(({ url }) => url === '/api').at(-1);
        expect(sent?.headers.authorization).toMatch(/^Bearer /);
      },
    },
  'cloudflare-access-mcp forward https://git.example.com --port 8000': {
    runs: serves(/^http:\/\/127/m),
  },
  'cloudflare-access-mcp forward https://npm.example.com --port 8001': {
    runs: serves(/^http:\/\/127/m),
  },
  'cloudflare-access-mcp forward https://app.example.com --port 8002': {
    runs: serves(/^http:\/\/127/m),
  },
  'cloudflare-access-mcp forward https://mcp.example.com': { runs: serves(/^http:\/\/127/m) },
  'git clone http://127.0.0.1:8000/team/project.git': {
    by: 'test/relay/programs.test.ts',
    line: "'clone'",
  },
  'git config --global url.http://127.0.0.1:8000/.insteadOf https://git.example.com/': {
    by: 'test/relay/programs.test.ts',
    line: '/.insteadOf`',
  },
  'npm install --registry http://127.0.0.1:8001/ some-package': {
    by: 'test/relay/programs.test.ts',
    line: '/\\nreplace-registry-host=always',
  },
  'export CF_ACCESS_HEADLESS=1': { not: 'the line after these three is run with it' },
  'export CF_ACCESS_CLIENT_ID=….access CF_ACCESS_CLIENT_SECRET_FILE=/run/secrets/access': {
    not: 'the line after these three is run with it',
  },
  'export CF_ACCESS_HOSTS=app.example.com': { not: 'the line after these three is run with it' },
  'cloudflare-access-mcp fetch --fail https://app.example.com/api/health': {
    async runs({ sandbox, program, sh }, line) {
      const secret = join(program.place, 'secret');
      await writeFile(secret, sandbox.serviceToken.clientSecret, { mode: 0o600 });
      const application = sandbox.applications['service-auth'].url.origin;
      const environment = {
        CF_ACCESS_HEADLESS: '1',
        CF_ACCESS_CLIENT_ID: sandbox.serviceToken.clientId,
        CF_ACCESS_CLIENT_SECRET_FILE: secret,
        CF_ACCESS_HOSTS: 'localhost',
      };
      const at = (path: string) =>
        ended(
          sh(line.replace('https://app.example.com/api/health', application + path), environment),
        );
      expect(await at('/status/200')).toMatchObject({ code: 0 });
      expect(await at('/api/health')).toMatchObject({ code: 22 });
    },
  },
  'cloudflare-access-mcp login https://mcp.example.com/mcp': { runs: works },
  'cloudflare-access-mcp login --wait 600 https://app.example.com': { runs: works },
  "cloudflare-access-mcp login --callback-url 'http://localhost:8400/callback?code=…&state=…' https://app.example.com":
    {
      by: 'test/cli/sessions.test.ts',
      line: "program.run(['login', '--callback-url', ended, wiki])",
    },
  'login --callback-url': {
    by: 'test/cli/sessions.test.ts',
    line: "program.run(['login', '--callback-url', ended, wiki])",
  },
  'cloudflare-access-mcp sandbox': { runs: serves(/http:\/\/localhost:\d+/) },

  // docs/troubleshooting.md, docs/environment.md
  'cloudflare-access-mcp doctor': { runs: works },
  'cloudflare-access-mcp doctor <url>': { runs: works },
  'cloudflare-access-mcp doctor --json <url>': { runs: works },
  'cloudflare-access-mcp doctor <url> --record <file>': { runs: works },
};

let place: Place;
let running: Running[] = [];

describe('every command of the documents', () => {
  const found = documentedCommands();

  it('is in the table', () => {
    expect([...found.keys()].filter((command) => told[command] === undefined)).toEqual([]);
  });

  const byOthers = Object.entries(told).flatMap(([command, how]) =>
    'by' in how ? [{ command, ...how }] : [],
  );
  it.each(byOthers)('$command is run by $by', async ({ by, line }) => {
    expect(await readFile(new URL(`../../${by}`, import.meta.url), 'utf8')).toContain(line);
  });

  describe('is run here:', () => {
    beforeEach(async () => {
      const sandbox = await startSandbox();
      const program = await createProgram({ CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin });
      const bin = join(program.place, 'bin');
      await mkdir(bin);
      const command = join(bin, 'cloudflare-access-mcp');
      await writeFile(command, `#!/bin/sh\nexec '${process.execPath}' '${builtServer}' "$@"\n`);
      await chmod(command, 0o755);
      running = [];
      place = {
        sandbox,
        program,
        async sh(line, environment = {}) {
          const application = sandbox.applications['managed-oauth'].url.origin;
          const port = line.includes('--port') ? `--port ${await freePort()}` : '';
          const there = line
            .replace(/--port \d+/, port)
            .replace(/https:\/\/(?:app|git|npm|mcp)\.example\.com|<url>/g, application)
            .replace(/(?:https:\/\/)?\w+\.corp\.example\.com/, application)
            .replace('<file>', join(program.place, 'record'));
          const process = startProcess(
            '/bin/sh',
            ['-c', /\||^export /.test(there) ? there : `exec ${there}`],
            {
              environment: {
                ...program.environment,
                ...environment,
                PATH: `${bin}:${program.environment.PATH}`,
              },
              cwd: program.place,
            },
          );
          running.push(process);
          return process;
        },
      };
    });
    afterEach(async () => {
      for (const { child } of running) child.kill('SIGKILL');
      await place.program.remove();
      await place.sandbox.close();
    });

    const run = Object.entries(told).flatMap(([command, how]) =>
      'runs' in how ? [{ command, runs: how.runs }] : [],
    );
    it.each(run)('$command', async ({ command, runs }) => {
      await runs(place, command);
    });
  });
});

it('every piece of JSON in the documents is JSON', () => {
  const pieces = fenced('json');
  expect(pieces.length).toBeGreaterThan(3);
  for (const { document, text } of pieces) expect(() => JSON.parse(text), document).not.toThrow();
});
