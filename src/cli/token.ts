/**
 * `token <url>`: prints the access token, for `$(…)` and for curl. Refreshes it, but never starts a
 * sign-in.
 */
import { type Command, Option } from 'commander';
import { instant } from '../instant.ts';
import { address } from './terminal/address.ts';
import { conclude } from './terminal/conclude.ts';
import { seconds } from './terminal/numbers.ts';
import type { Shell } from './terminal/shell.ts';
import { withRooms } from './with-rooms.ts';

interface Options {
  header?: true;
  curlConfig?: true;
  minTtl: number;
  json?: true;
}

export function addToken(program: Command, shell: Shell, end: (exitCode: number) => void): void {
  program
    .command('token')
    .argument('<url>', 'the URL that the token is for')
    .summary('print the access token for a URL')
    .description(
      `Prints the access token for the URL and nothing else. It is refreshed if it would expire too soon. You are never asked to sign in: use login first. Refresh tokens and service token secrets are never printed. Do not put the token on the command line of another program, where everyone on the machine can read it:

  cloudflare-access-mcp token --curl-config <url> | curl --config - <url>
  export TOKEN="$(cloudflare-access-mcp token <url>)"`,
    )
    .option('--header', 'print the whole header line, such as Authorization: Bearer …')
    .addOption(
      new Option('--curl-config', 'print a line for curl --config').conflicts(['header', 'json']),
    )
    .option(
      '--min-ttl <seconds>',
      'the minimum time for which it must still be valid',
      seconds(86_400),
      60,
    )
    .addOption(
      new Option(
        '--json',
        'print one JSON object: {"resource", "header", "value", "expires_at"}',
      ).conflicts('header'),
    )
    .action(async (text: string, { header, curlConfig, minTtl, json }: Options) => {
      let url: URL | undefined;
      const work = () => {
        url = address(text);
        const target = url;
        return withRooms(shell, async ({ rooms, signal }) => {
          const given = await rooms.access.giveToken(target, { minTtlMs: minTtl * 1000, signal });
          const { out } = shell;
          const line = `${given.header}: ${given.value}`;
          if (json) {
            const { resource, value, expiresAt } = given;
            const expires_at = instant(expiresAt);
            out.line(JSON.stringify({ resource, header: given.header, value, expires_at }));
          } else if (header) out.line(line);
          else if (curlConfig) out.line(`header = "${line.replace(/["\\]/g, '\\$&')}"`);
          else out.line(given.value.replace(/^Bearer /, ''));
          return 0;
        });
      };
      end(await conclude(shell, () => ({ json, url }), work));
    });
}
