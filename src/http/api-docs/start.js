// Shows the description of the API. The token that a reader enters stays in this page: it is not stored.
window.SwaggerUIBundle({
  url: '/openapi.yaml',
  dom_id: '#api',
  docExpansion: 'none',
  filter: true,
  persistAuthorization: false,
  validatorUrl: null,
});
