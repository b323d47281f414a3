/** The texts in a next step, for those who cut secrets out of everything that is shown. */
import type { NextStep, Step } from './next-step.ts';

/** Members whose value is one of a closed set: no text that could hold anything. */
const closed: readonly string[] = ['do', 'when', 'why', 'method', 'not', 'need', 'because'];
/** Of these kinds too, unlike the others' text of the same name. */
const closedIn: Readonly<Record<string, readonly string[]>> = {
  choose_file: ['to'],
  open_yourself: ['what'],
};

/** The same steps with `change` made to every text in them. */
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
