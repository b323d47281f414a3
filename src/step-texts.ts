/** Maps the texts in a next step, to remove secrets from everything that is shown. */
import type { NextStep, Step } from './next-step.ts';

/** Members whose value is one of a closed set and so cannot contain a secret. */
const closed: readonly string[] = ['do', 'when', 'why', 'method', 'not', 'need', 'because'];
/** The same for these kinds of step, whose members share a name with free text in other kinds. */
const closedIn: Readonly<Record<string, readonly string[]>> = {
  choose_file: ['to'],
  open_yourself: ['what'],
};

/** Returns the same steps with `change` applied to every text in them. */
export function mapTexts(nextStep: NextStep, change: (text: string) => string): NextStep {
  const map = (value: unknown, kept: readonly string[]): unknown => {
    if (typeof value === 'string') return change(value);
    if (Array.isArray(value)) return value.map((each) => map(each, kept));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => [
        name,
        kept.includes(name) ? each : map(each, kept),
      ]),
    );
  };
  return nextStep.map((one) => map(one, [...closed, ...(closedIn[one.do] ?? [])]) as Step);
}
