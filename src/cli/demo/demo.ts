/** `demo`: shows the main features, on this machine only. */
import type { Command } from 'commander';
import { cancellable } from '../terminal/cancellation.ts';
import { conclude } from '../terminal/conclude.ts';
import type { Shell } from '../terminal/shell.ts';

export function addDemo(program: Command, shell: Shell, end: (exitCode: number) => void): void {
  program
    .command('demo')
    .summary('see it work: a local Cloudflare Access, the real server, a real MCP client')
    .description(
      `Starts a local Cloudflare Access and the built server, connects a real MCP client, and shows a sign-in, a page, a silent refresh, get_token, a browser transfer and a service token. No account and no network are needed; nothing of yours is touched. Exit code 0 only if every step worked.`,
    )
    .option('--browser', 'sign in yourself, in your own browser')
    .option('--json', 'print one JSON object: {"ok", "seconds", "steps"}')
    .action(async ({ browser = false, json = false }: { browser?: boolean; json?: boolean }) => {
      end(
        await conclude(shell, { json }, async () => {
          const { runDemo } = await import('./run.ts');
          return cancellable((cancellation) => runDemo(shell, { browser, json }, cancellation));
        }),
      );
    });
}
