export default {
  esbuild: { jsx: "automatic" },
  build: { target: "es2022" },
  server: { proxy: { "/v1": process.env.TABBY_URL ?? "http://127.0.0.1:5000" } },
};
