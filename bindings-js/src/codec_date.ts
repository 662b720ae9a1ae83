/**
 * Dates as texts of RFC 3339, which is what crosses between languages.
 *
 * @internal
 */

import { refusal } from "./codec_refusal.js";

const FORM =
  /^(\d{4})-(0[1-9]|1[0-2])-(\d\d)T([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d+))?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

const MINUTE = 60_000;

/** The text of a date. Other languages know the years 1 to 9999. */
export function dateText(date: Date): string {
  // By the class, so that dates of other realms and those with properties of their own count as what they are.
  const time = Date.prototype.getTime.call(date);
  if (Number.isNaN(time)) throw refusal("an invalid date");
  const text = new Date(time).toISOString();
  if (text.length !== 24 || text.startsWith("0000")) throw refusal("a date outside of the years 1 to 9999");
  return text;
}

/** The date that a text means; digits beyond milliseconds are left out. */
export function dateOf(text: string): Date {
  const match = FORM.exec(text);
  if (match === null) throw refusal("a date that is none");
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCDate() !== day) throw refusal("a date that is none");
  date.setUTCHours(hour, minute, second, Number((match[7] ?? "").padEnd(3, "0").slice(0, 3)));
  const offset = (Number(match[9] ?? 0) * 60 + Number(match[10] ?? 0)) * MINUTE;
  return new Date(date.getTime() - (match[8] === "-" ? -offset : offset));
}

/** The date of so many seconds since 1970, to the nearest millisecond. */
export function dateOfSeconds(seconds: unknown): Date {
  const date = new Date(typeof seconds === "number" ? Math.round(seconds * 1000) : Number.NaN);
  if (Number.isNaN(date.getTime())) throw refusal("a date that is none");
  return date;
}
