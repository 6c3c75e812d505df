'use strict';

// Names that AWS would refuse after minutes: each is made of service and stage, roles of the region as well.

const MOST = [
  // what, the most characters, and where the names stand
  ['function', 64, ({ functions }) => Object.values(functions).map(({ name }) => name)],
  ['role', 64, ({ resources }) => named(resources, 'AWS::IAM::Role', 'RoleName')],
  ['queue', 80, ({ resources }) => named(resources, 'AWS::SQS::Queue', 'QueueName')],
  ['layer', 140, ({ layers }) => Object.values(layers || {}).map(({ name }) => name)],
  ['stack', 128, (_, stack) => [stack]],
];
const STACK = /^[A-Za-z][A-Za-z0-9-]*$/;
const RESERVED = /^(aws|ssm)/i; // by Parameter Store

function named({ Resources }, type, property) {
  return Object.values(Resources).filter(({ Type }) => Type === type).map(({ Properties }) => Properties[property]);
}

// What is wrong with a name, or an empty text.
function nameFault(service, stack) {
  for (const [what, most, names] of MOST) {
    const longest = names(service, stack).reduce((longest, name) => (name.length > longest.length ? name : longest), '');
    if (longest.length > most) {
      return `the ${what} ${longest}: expected a name of at most ${most} characters, got ${longest.length}; ` +
        `a shorter service or --stage by ${longest.length - most} is enough`;
    }
  }
  if (!STACK.test(stack)) return `the stack ${stack}: expected a letter, then letters, digits and hyphens`;
  return RESERVED.test(service.service)
    ? `the service ${service.service}: expected a name that does not begin with aws or ssm, which Parameter Store keeps for itself`
    : '';
}

module.exports = { nameFault };
