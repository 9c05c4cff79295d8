"""Names and streets for people who do not exist, by country."""

FIRST_NAMES = {
    "DE": ("Anna", "Jonas", "Lea", "Paul", "Marie", "Felix", "Clara", "Lukas", "Johanna", "Moritz", "Greta", "Emil"),
    "NL": ("Sanne", "Daan", "Lotte", "Bram", "Fleur", "Sem", "Iris", "Thijs", "Noor", "Joris"),
    "FR": ("Camille", "Hugo", "Manon", "Louis", "Chloé", "Jules", "Inès", "Théo", "Margaux", "Bastien"),
}
LAST_NAMES = {
    "DE": (
        "Brandt",
        "Köhler",
        "Seidel",
        "Vogel",
        "Lindner",
        "Albrecht",
        "Hoppe",
        "Reuter",
        "Thiele",
        "Wendt",
        "Jansen",
    ),
    "NL": ("de Wit", "Visser", "Kuipers", "Mulder", "van Dam", "Hoekstra", "Bosman", "Verhoef", "Dekker"),
    "FR": ("Morel", "Lambert", "Girard", "Rousseau", "Blanchard", "Perrin", "Marchand", "Lefort", "Charpentier"),
}
STREETS = {
    "DE": ("Lindenweg", "Kastanienallee", "Mühlstraße", "Gartenstraße", "Am Anger", "Schillerstraße", "Birkenweg"),
    "NL": ("Kerkstraat", "Wilgenlaan", "Molenweg", "Singelpad", "Tulpstraat", "Havenkade"),
    "FR": ("rue des Lilas", "rue du Moulin", "avenue des Tilleuls", "rue de la Fontaine", "chemin des Vignes"),
}
LANGUAGES = {"DE": "de", "NL": "nl", "FR": "fr"}
CARS = (
    ("Volta Kompakt", 58, 11, 100),
    ("Ampere Kombi", 77, 11, 130),
    ("Elektra City", 42, 7, 65),
    ("Corvo GT", 93, 22, 190),
    ("Fennek SUV", 82, 11, 115),
)
"""model, battery in kWh, most AC power in kW, mean DC power in kW that the car sustains"""
