/** The person who reads what to do next: where they are, and what they were about to do. */
import type { Environment } from '../../config/config.ts';
import type { repeated } from './command-lines.ts';

export interface Reader {
  readonly environment: Environment;
  /** What the command was about, for commands that a step names. */
  readonly url?: URL | undefined;
  /** What is repeated: the command, a request of another program through `forward`, or of an MCP host’s through `connect`. */
  readonly repeats?: keyof typeof repeated;
  /** Whose environment is meant; `server`: what the MCP host starts. */
  readonly place?: 'shell' | 'server';
}
