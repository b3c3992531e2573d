"""Load for the service, by Locust: `locust -f loadtest/ --host http://127.0.0.1:8000`."""
