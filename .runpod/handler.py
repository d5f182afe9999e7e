"""RunPod's Hub looks for a file of this name. The worker is TypeScript: see Dockerfile and runtime/main.ts."""

raise SystemExit("This worker is not Python: build the Dockerfile, its command starts the worker.")
