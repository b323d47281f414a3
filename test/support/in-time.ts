/** The bound that a request of a test's own needs, where the test is about something else. */
import { type Deadline, within } from '../../src/http/waiting/within.ts';

export const inTime = (milliseconds = 30_000): Deadline => within(milliseconds).deadline;
