"""What requests cost: prices, upper bounds, the cap on dollars, and what a run is forecast to cost. Pure."""
