/** `doctor [<url>]`: checks what works and what does not, and says what to do about each problem. */
import type { Command } from 'commander';
import { EnvironmentError, readConfig } from '../../config/config.ts';
import { AccessError } from '../../errors.ts';
import { address } from '../terminal/address.ts';
import { checkedUserAgent } from '../terminal/checked-user-agent.ts';
import { conclude } from '../terminal/conclude.ts';
import type { Shell, Style } from '../terminal/shell.ts';
import { stepForPeople } from '../terminal/step-for-people.ts';
import { withRooms } from '../with-rooms.ts';
import type { Finding } from './finding.ts';
import type { RecordingFile } from './recording/recording.ts';

const looks: Readonly<Record<Finding['state'], { mark: string; style: Style }>> = {
  ok: { mark: '✓', style: 'green' },
  warn: { mark: '!', style: 'yellow' },
  fail: { mark: '✗', style: 'red' },
  skip: { mark: '·', style: 'dim' },
};

export function addDoctor(program: Command, shell: Shell, end: (exitCode: number) => void): void {
  program
    .command('doctor')
    .argument('[url]', 'a URL to check step by step, up to the token')
    .summary('check this machine, and what stands between it and a URL')
    .description(
      'Checks Node, the environment, the data folder, the callback port, the browser, proxies, certificates and listed authorization servers; with a URL also the clock and every step up to the token. It registers nothing and signs nobody in. Of credentials it sends only the service token, once, to a host that CF_ACCESS_HOSTS names (and with --record a kept session). MCP hosts give their servers an environment of their own, so run it with the same variables. Exit code 1 if something failed.',
    )
    .option(
      '-A, --user-agent <name>',
      'where a firewall refuses this program by its name, ask under this one',
    )
    .option(
      '--json',
      'print one JSON object: {"ok", "findings": [{"name", "state", "text", "advice"}]}',
    )
    .option(
      '--record <file>',
      'write the requests and answers to a new file, without secrets and names, for a report (sandbox --replay serves it)',
    )
    .action(async (text: string | undefined, options: Options) => {
      const work = () => {
        const { userAgent, record } = options;
        if (record !== undefined && text === undefined) throw nothingToRecord();
        const url = text === undefined ? undefined : address(text);
        return run(shell, url, { ...options, userAgent: checkedUserAgent(userAgent) });
      };
      end(await conclude(shell, { json: options.json }, work));
    });
}

interface Options {
  userAgent?: string | undefined;
  json?: true;
  record?: string;
}

function nothingToRecord(): AccessError {
  return new AccessError(
    'invalid_input',
    '--record needs a URL: what is recorded is what it answers.',
    [{ do: 'correct_input', with: 'a URL before it' }],
  );
}

async function run(
  shell: Shell,
  url: URL | undefined,
  { userAgent, json, record }: Options,
): Promise<number> {
  const findings: Finding[] = [];
  const add = (...found: readonly Finding[]): void => {
    findings.push(...found);
    if (!json) for (const finding of found) print(shell, finding);
  };
  const { openRecording } = await import('./recording/recording.ts');
  const file = record === undefined ? undefined : await openRecording(record);
  try {
    await examine(shell, { url, userAgent, file }, add);
  } finally {
    await file?.close();
  }
  const failed = findings.filter(({ state }) => state === 'fail').length;
  const warned = findings.filter(({ state }) => state === 'warn').length;
  const { out } = shell;
  if (json) out.line(JSON.stringify({ ok: failed === 0, findings }));
  else {
    const summary = [
      ...(failed > 0 ? [out.paint('red', `${failed} failed`)] : []),
      ...(warned > 0 ? [out.paint('yellow', `${warned} to look at`)] : []),
    ];
    out.line(
      `\n${summary.length > 0 ? summary.join(', ') : out.paint('green', 'Everything works.')}`,
    );
  }
  return failed === 0 ? 0 : 1;
}

interface Examined {
  readonly url: URL | undefined;
  readonly userAgent: string | undefined;
  readonly file: RecordingFile | undefined;
}

async function examine(
  shell: Shell,
  { url, userAgent, file }: Examined,
  add: (...found: readonly Finding[]) => void,
): Promise<void> {
  const { environment, version } = shell;
  const [machine, settings, folder, ports, servers, finding] = await Promise.all([
    import('./machine.ts'),
    import('./settings.ts'),
    import('./data-folder.ts'),
    import('./ports.ts'),
    import('./listed-servers.ts'),
    import('./finding.ts'),
  ]);
  add(finding.ok('Version', version), machine.checkNode(process.version));
  add(await machine.checkCertificates(environment));
  try {
    await readConfig(environment);
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    const advice = stepForPeople(error.nextStep, { environment });
    add(...error.problems.map((each) => finding.fail('Environment', each, advice)));
    add(finding.skip('The rest', 'is checked once the environment is usable'));
    return;
  }
  // The notes that it would print are findings here.
  const quiet = { ...shell, err: { ...shell.err, line: () => {} } };
  await withRooms(quiet, async ({ rooms, config, signal }) => {
    add(...settings.checkSettings(config, environment), ...settings.checkLimits(config));
    add(await folder.checkDataFolder(rooms.dataDir));
    add(await ports.checkPorts(config, rooms.dataDir));
    add(await machine.checkBrowser(environment, config));
    add(...(await machine.checkProxies(config)));
    add(...(await servers.checkListedServers(rooms, config, { environment })));
    if (url === undefined) {
      add(settings.checkServiceTokens(config));
      return;
    }
    const { checkUrl } = await import('./url.ts');
    const walk = { url, rooms, config, environment, signal, userAgent };
    add(...(await checkUrl(walk)));
    if (file !== undefined) {
      const { record } = await import('./recording/record.ts');
      add(await record(walk, file, version));
    }
  });
}

function print({ out }: Shell, { name, state, text, advice }: Finding): void {
  const { mark, style } = looks[state];
  const shown = state === 'skip' ? out.paint('dim', text) : text;
  out.line(`${out.paint(style, mark)} ${out.paint('bold', name.padEnd(20))} ${shown}`);
  if (advice !== undefined) out.line(out.paint(style, `  → ${advice}`));
}
