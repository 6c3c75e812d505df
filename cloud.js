'use strict';

// Which cloud this run is about: `--param cloud=google`, else the environment's CLOUD, else aws.
// A cloud is a folder of providers/ that holds a config.yml. `${param:cloud}` itself cannot choose a
// provider: the framework resolves parameters only after it knows the provider and its stage.

const fs = require('fs');
const path = require('path');

const FOLDER = path.join(__dirname, 'providers');
const DEFAULT = 'aws';

function clouds() {
  return fs
    .readdirSync(FOLDER)
    .filter((name) => fs.existsSync(path.join(FOLDER, name, 'config.yml')))
    .sort();
}

function asked(options) {
  const parameters = [].concat(options.param || []);
  const cloud = parameters.filter((parameter) => parameter.startsWith('cloud=')).pop();
  return cloud ? cloud.slice('cloud='.length) : process.env.CLOUD || DEFAULT;
}

module.exports = ({ options }) => {
  const name = asked(options);
  if (!clouds().includes(name)) {
    // A thrown error would reach the user as the framework's stack; this is the one line that helps.
    console.error(`unknown cloud "${name}": choose one of ${clouds().join(', ')} (--param cloud=…, or CLOUD)`);
    process.exit(1);
  }
  return { name };
};
