"""The portal: the built front end, beside the API. What it shows it asks of the API, as everybody does."""
