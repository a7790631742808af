// Starts Swagger UI on the page at /schema. The validator badge would ask an outside host, so it is off.
SwaggerUIBundle({
  url: "/schema/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  docExpansion: "list",
  validatorUrl: null,
  persistAuthorization: false,
  requestSnippetsEnabled: true,
});
