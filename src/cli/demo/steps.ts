/**
 * Shows the demo's steps: what is done, with which result, which requests were sent, and how long it took.
 */
import type { Shell } from '../terminal/shell.ts';

export interface Step {
  /** States a fact; the step fails if it is not true. */
  prove(fact: string, holds: boolean): void;
  /** Reports something without checking it. */
  say(text: string): void;
  wire(text: string): void;
}

export interface ShownStep {
  readonly name: string;
  readonly ok: boolean;
  readonly ms: number;
  readonly facts: readonly string[];
  readonly wire: readonly string[];
  readonly failure?: string;
}

export class DemoFailure extends Error {
  override readonly name = 'DemoFailure';
}

export interface StepRunner {
  readonly steps: readonly ShownStep[];
  /** Throws DemoFailure when the step fails, since the next steps depend on it. */
  step<T>(name: string, work: (step: Step) => Promise<T>): Promise<T>;
}

/** `quiet`: prints nothing, when the result is printed as JSON. */
export function createStepRunner({ out }: Shell, { quiet }: { quiet: boolean }): StepRunner {
  const steps: ShownStep[] = [];
  const print = (line: string) => {
    if (!quiet) out.line(line);
  };

  const show = ({ name, ok, ms, facts, wire, failure }: ShownStep): void => {
    if (out.isTerminal && !quiet) out.write('\r\u001b[K');
    const number = String(steps.length).padStart(2);
    const mark = ok ? out.paint('green', '✓') : out.paint('red', '✗');
    const time = `${Math.round(ms)} ms`.padStart(Math.max(1, 72 - name.length));
    print(
      `${out.paint('dim', number)} ${mark} ${out.paint('bold', name)}${out.paint('dim', time)}`,
    );
    for (const fact of facts) print(`     ${fact}`);
    for (const line of wire) print(out.paint('dim', `     ⇄ ${line}`));
    if (failure !== undefined) print(`     ${out.paint('red', failure)}`);
    print('');
  };

  return {
    steps,
    async step(name, work) {
      const facts: string[] = [];
      const wire: string[] = [];
      const startedAt = performance.now();
      if (out.isTerminal && !quiet) {
        out.write(`${String(steps.length + 1).padStart(2)} ${out.paint('yellow', '…')} ${name}`);
      }
      const end = (failure?: string) => {
        const shown: ShownStep = {
          name,
          ok: failure === undefined,
          ms: Math.round(performance.now() - startedAt),
          facts,
          wire,
          ...(failure === undefined ? {} : { failure }),
        };
        steps.push(shown);
        show(shown);
      };
      try {
        const result = await work({
          prove(fact, holds) {
            if (!holds) throw new DemoFailure(`Not true: ${fact}.`);
            facts.push(fact);
          },
          say: (text) => facts.push(text),
          wire: (text) => wire.push(text),
        });
        end();
        return result;
      } catch (error) {
        end(error instanceof Error ? error.message : String(error));
        throw new DemoFailure('', { cause: error });
      }
    },
  };
}
