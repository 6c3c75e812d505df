// What the page calls the options that the service calls by their names in a request.
export const LABELS = {
  delimiter: "Cells are parted by",
  header: "The first line has the names",
  decimal: "Decimals come after a",
  thousands: "Thousands are parted by",
  dayfirst: "Dates such as 05/06/2024 have",
  encoding: "Encoding",
  missing: "Words for a missing value",
  types: "Taken for",
} as const;

const OPTION = new RegExp(`"(${Object.keys(LABELS).join("|")})"`, "g");

/** A message whose options are called as the page calls them. */
export const labelled = (message: string): string =>
  message.replace(OPTION, (_, name: keyof typeof LABELS) => `“${LABELS[name]}”`);

/** Whether a file that cannot be read may be read if something is said of it. */
export const namesOption = (message: string): boolean => message.search(OPTION) >= 0;
