"""What is enough: ages, gates, service levels, exceptions. Pure: text and rows come in, values go out."""
