import { keepFromSpinning } from '../../runtime/ort/node/options.ts';

// As many files run at once as there are cores: a thread that spins takes the core from another file.
keepFromSpinning();
