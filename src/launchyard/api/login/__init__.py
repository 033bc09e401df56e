"""How a person's browser logs in, and how its requests are known from then on."""
