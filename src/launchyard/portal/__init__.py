"""The portal: the built front end, served beside the API. What it shows it asks of the API, as everybody does."""
