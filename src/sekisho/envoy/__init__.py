"""IR to Envoy messages. Each function is named after the message it returns and decides nothing."""
