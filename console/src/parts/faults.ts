// The places that the service finds at fault, as the fields of a form know them.
import type { Fault } from "../service.ts";

const LONGEST = 60;

/** The path of a member as the service writes it: `$.types.age`, or `$.types["any name"]`, shortened when it is long. */
export function member(where: string, name: string): string {
  if (/^[A-Za-z_]\w*$/.test(name) && name.length <= LONGEST) return `${where}.${name}`;
  return `${where}["${[...name].length <= LONGEST ? name : [...name].slice(0, LONGEST - 3).join("") + "..."}"]`;
}

const within = (fault: Fault, place: string): boolean =>
  fault.path === place || [".", "["].includes(fault.path.slice(place.length, place.length + 1)) && fault.path.startsWith(place);

/** What is said against a place, and against what is in it. */
export const against = (faults: Fault[], place: string): string[] =>
  faults.filter(fault => within(fault, place)).map(fault => fault.message);

/** The faults that are at none of the places, for which there are fields. */
export const elsewhere = (faults: Fault[], places: string[]): Fault[] =>
  faults.filter(fault => !places.some(place => within(fault, place)));
