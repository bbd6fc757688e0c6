"""What is drawn. A view shows values and tells what a person asked for; it decides nothing and starts no thread."""
