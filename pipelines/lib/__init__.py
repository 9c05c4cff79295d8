"""What assets and commands share: settings, stores, the OCPI client, schema checks. Not loaded by Dagster."""
