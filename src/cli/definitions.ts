/**
 * The commands by their names. A command is loaded when it is named, and of the others the help knows
 * what the build has recorded: loading all of them takes longer than most of them do.
 */
import type { Command } from 'commander';
import type { Summary } from './recorded.ts';
import type { Shell } from './terminal/shell.ts';

export interface Definition {
  /** Its alias too. */
  readonly names: readonly string[];
  load(): Promise<(program: Command, shell: Shell, end: (exitCode: number) => void) => void>;
}

/** In the order of the help. */
export const definitions: readonly Definition[] = [
  { names: ['serve'], load: async () => (await import('./serve.ts')).addServe },
  { names: ['login'], load: async () => (await import('./login.ts')).addLogin },
  { names: ['fetch', 'curl'], load: async () => (await import('./fetch/fetch.ts')).addFetch },
  { names: ['forward'], load: async () => (await import('./forward.ts')).addForward },
  { names: ['connect'], load: async () => (await import('./connect.ts')).addConnect },
  { names: ['tcp'], load: async () => (await import('./tcp/tcp.ts')).addTcp },
  { names: ['token'], load: async () => (await import('./token.ts')).addToken },
  { names: ['headers'], load: async () => (await import('./headers.ts')).addHeaders },
  { names: ['logout'], load: async () => (await import('./logout.ts')).addLogout },
  { names: ['status'], load: async () => (await import('./status.ts')).addStatus },
  { names: ['doctor'], load: async () => (await import('./doctor/doctor.ts')).addDoctor },
  { names: ['sandbox'], load: async () => (await import('./sandbox/sandbox.ts')).addSandbox },
  { names: ['demo'], load: async () => (await import('./demo/demo.ts')).addDemo },
];

export function summaryOf(command: Command): Summary {
  const alias = command.alias();
  return {
    name: command.name(),
    ...(alias === undefined ? {} : { alias }),
    summary: command.summary(),
    args: command.registeredArguments.map((one) => {
      const name = one.variadic ? `${one.name()}...` : one.name();
      return one.required ? `<${name}>` : `[${name}]`;
    }),
    hasOptions: command.options.length > 0,
  };
}

export function addSummary(
  program: Command,
  { name, alias, summary, args, hasOptions }: Summary,
): void {
  const command = program.command(name).summary(summary);
  if (alias !== undefined) command.alias(alias);
  for (const one of args) command.argument(one);
  if (hasOptions) command.option('--any');
}
