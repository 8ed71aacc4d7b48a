/** What ONNX Runtime must find when it is loaded: import this before it. */
import './realms.ts';

// it reports nothing of what runs here, unless the program wants it to
process.env.ORT_DISABLE_TELEMETRY ??= '1';
