// Finds each message of a line of standard input among the site's messages, and says of each what was found.
import { readFileSync } from "node:fs";
import { runInThisContext } from "node:vm";

const { list, finder, pasted } = JSON.parse(readFileSync(0, "utf8"));
runInThisContext(list);
runInThisContext(readFileSync(finder, "utf8"));
const found = pasted.map(text => globalThis.messageFinder.find(globalThis.messagesOfErrors, text));
console.log(JSON.stringify(found));
