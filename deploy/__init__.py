"""The stack around the service: Prometheus, Grafana, HAProxy, and one command that runs it here."""
