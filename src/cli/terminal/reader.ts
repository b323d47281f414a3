/** The person who reads a next step: their environment, and what they were doing. */
import type { Environment } from '../../config/config.ts';
import type { repeated } from './command-lines.ts';

export interface Reader {
  readonly environment: Environment;
  /** The URL that the command was given, for commands that a step suggests. */
  readonly url?: URL | undefined;
  /**
   * What is to be repeated: the command, another program’s request through `forward`, an MCP host’s
   * message through `connect`, or a connection through `tcp --listen`.
   */
  readonly repeats?: keyof typeof repeated;
  /** Whose environment is meant: the shell's, or that of the server which the MCP host starts. */
  readonly place?: 'shell' | 'server';
}
