"""The client side of Launchyard: standard library only, light to import, works from any machine."""
