'use strict';

// Teaches the framework the clouds that it does not know: every folder of providers/ that holds a schema.json.
// There is no logic here: each verb goes to `python -m providers <verb>` with the resolved service on stdin.

const { spawn } = require('child_process');
const fs = require('fs');
const path = require('path');
const parameters = require('./parameters');

const DRY_RUN = { usage: 'Print the steps, change nothing', type: 'boolean' };
const YES = { usage: 'Do not ask before anything is deleted', type: 'boolean' };

// The framework's lifecycle event → our verb → the options that go along.
const VERBS = {
  'package:finalize': ['package'],
  'deploy:deploy': ['deploy', 'dry-run', 'yes'],
  'info:info': ['info'],
  'invoke:invoke': ['invoke', 'function', 'data', 'path'],
  'invoke:local:invoke': ['invoke-local', 'function', 'data', 'path'],
  'logs:logs': ['logs', 'function', 'startTime', 'tail'],
  'remove:remove': ['remove', 'dry-run', 'yes'],
};

function schemas() {
  return fs
    .readdirSync(__dirname)
    .map((cloud) => [cloud, path.join(__dirname, cloud, 'schema.json')])
    .filter(([, file]) => fs.existsSync(file));
}

class Clouds {
  constructor(serverless, options) {
    this.serverless = serverless;
    this.options = options;
    for (const [cloud, file] of schemas()) {
      serverless.setProvider(cloud, this);
      serverless.configSchemaHandler.defineProvider(cloud, JSON.parse(fs.readFileSync(file, 'utf8')));
    }
    this.commands = {
      deploy: { options: { 'dry-run': DRY_RUN, 'yes': YES } },
      remove: { options: { 'dry-run': DRY_RUN, 'yes': YES } },
    };
    this.hooks = {
      'initialize': () => this.checkParameters(),
      'package:initialize': () => this.leavePackagingToUs(),
    };
    for (const [event, [verb, ...names]] of Object.entries(VERBS)) {
      this.hooks[event] = () => this.python(verb, names);
    }
  }

  static getProviderName() {
    return 'clouds';
  }

  checkParameters() {
    const fault = parameters.unknown(this.serverless);
    if (fault) throw new this.serverless.classes.Error(fault);
  }

  leavePackagingToUs() {
    const { service } = this.serverless;
    for (const name of service.getAllFunctions()) service.getFunction(name).package = { disable: true };
  }

  arguments(names) {
    const given = names.filter((name) => this.options[name] !== undefined && this.options[name] !== false);
    return given.flatMap((name) => {
      const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
      return this.options[name] === true ? [flag] : [`${flag}=${this.options[name]}`];
    });
  }

  document() {
    const { service, serviceDir } = this.serverless;
    const { provider, functions } = service;
    const { patterns } = service.package;
    return {
      service: service.service,
      stage: provider.stage,
      folder: serviceDir,
      provider,
      functions,
      patterns,
      parameters: parameters.differing(this.serverless),
    };
  }

  python(verb, names) {
    // `deploy` packages for itself: the framework's own packaging events come before it.
    if (verb === 'package' && this.serverless.processedInput.commands[0] !== 'package') return undefined;
    const folder = this.serverless.serviceDir;
    const own = path.join(folder, '.venv', 'bin', 'python');
    return new Promise((resolve, reject) => {
      const child = spawn(
        fs.existsSync(own) ? own : 'python3',
        ['-m', 'providers', verb, ...this.arguments(names)],
        { cwd: folder, stdio: ['pipe', 'inherit', 'inherit'] }
      );
      child.on('error', reject);
      child.on('exit', (code) => {
        if (code === 0) return resolve();
        process.exitCode = code || 1;
        // The one line that says why is printed already; the framework's own report would bury it.
        return process.exit(process.exitCode);
      });
      child.stdin.end(JSON.stringify(this.document()));
    });
  }
}

module.exports = Clouds;
