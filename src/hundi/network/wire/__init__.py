"""The messages of the network as JSON: what each of the 20 calls takes and each of the 33 webhooks brings."""
