"""Training of audiocodec models: recipes, data, losses, discriminators, the loop and export."""
