"""The words of trade papers in the languages that Amazon's suppliers write most."""

import re
import unicodedata
from enum import StrEnum


class Kind(StrEnum):
    """What a paper is."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"
    QUOTATION = "quotation"
    ORDER = "order"
    PACKING_LIST = "packing_list"
    PROOF_OF_DELIVERY = "proof_of_delivery"
    STATEMENT = "statement"
    UNKNOWN = "unknown"


class Column(StrEnum):
    """What a column of a priced table holds."""

    SKU = "sku"
    FNSKU = "fnsku"
    ASIN = "asin"
    DESCRIPTION = "description"
    QUANTITY = "quantity"
    UNIT_COST = "unit_cost"
    AMOUNT = "amount"


# In this order: "this is not an invoice" and "pro forma invoice" are none.
TITLES: tuple[tuple[Kind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(rf"(?<!\w)(?:{words})(?!\w)"))
    for kind, words in (
        (Kind.CREDIT_NOTE, "credit note|credit memo|gutschrift|avoir|nota di credito|nota de credito"),
        (Kind.QUOTATION, "quotation|quote|offer|angebot|devis|preventivo|presupuesto|not an invoice"
         "|pro ?forma|pro-forma|proforma-?rechnung|estimate"),
        (Kind.PROOF_OF_DELIVERY, "proof of delivery|delivery receipt|ablieferbeleg|pod"),
        (Kind.PACKING_LIST, "packing list|packing slip|delivery note|lieferschein|packliste"
         "|bon de livraison|bill of lading"),
        (Kind.ORDER, "purchase order|order confirmation|auftragsbestatigung|bestellung"),
        (Kind.STATEMENT, "statement of account|account statement|kontoauszug|reminder|mahnung"),
        (Kind.INVOICE, "invoice|tax invoice|commercial invoice|rechnung|facture|fattura|factura"),
    )
)  # fmt: skip
COLUMNS: dict[str, Column] = {
    name: column
    for column, names in (
        (Column.SKU, "sku|item no|item number|item code|item|article|article no|artikel|artikelnr"
         "|artikelnummer|art nr|part no|part number|product code|ref|reference|code|msku|model"),
        (Column.FNSKU, "fnsku|amazon label|label"),
        (Column.ASIN, "asin"),
        (Column.DESCRIPTION, "description|product|goods|bezeichnung|beschreibung|designation"
         "|descrizione|descripcion|details|item description"),
        (Column.QUANTITY, "qty|quantity|units|pcs|menge|anzahl|quantite|qte|quantita|cantidad|qty pcs"),
        (Column.UNIT_COST, "unit price|price|unit cost|price each|rate|einzelpreis|preis|e-preis"
         "|prix unitaire|pu|prezzo unitario|precio unitario"),
        (Column.AMOUNT, "amount|total|line total|gesamt|gesamtpreis|betrag|montant|importo|importe"
         "|summe|net amount"),
    )
    for name in names.split("|")
}  # fmt: skip
NUMBER_LABEL = re.compile(
    r"(?:invoice|rechnungs?|facture|fattura|factura|inv)[ -]?(?:number|no|nr|nummer|num|id|n)?\b[.°º#:]*"
)
FULL_NUMBER_LABEL = re.compile(
    r"(?:invoice|rechnungs?|facture|fattura|factura|inv)[ -]?(?:number|no|nr|nummer|num|id|#|n°)"
)
NUMBER = re.compile(r"^[A-Z0-9][A-Z0-9/_.\-]{1,39}$", re.IGNORECASE)
DATE_LABEL = re.compile(
    r"^(?:invoice date|date of issue|issue date|rechnungsdatum|date de facture|data fattura"
    r"|fecha de factura|tax point)\b"
)
BARE_DATE_LABEL = re.compile(r"^(?:date|datum|data|fecha|issued|dated)\b")
DUE_LABEL = re.compile(r"^(?:due|payment due|payable|fallig|echeance|scadenza|vencimiento)")
TOTAL = re.compile(
    r"^(?:grand total|invoice total|total amount|total due|amount due|balance due|gesamtbetrag"
    r"|rechnungsbetrag|gesamtsumme|endbetrag|total a payer|totale|importe total|total)\b"
)
SUBTOTAL = re.compile(
    r"^(?:sub ?-?total|net total|total net|nettobetrag|zwischensumme|total ht|imponibile|base imponible)\b"
)
ADDED = re.compile(
    r"^(?:vat|tax|sales tax|gst|mwst|ust|umsatzsteuer|tva|iva|shipping|freight|postage|versand|fracht"
    r"|handling|insurance|transport|port)\b"
)
TAKEN_OFF = re.compile(
    r"\b(?:discount|rabatt|skonto|remise|sconto|descuento|rebate|deposit|advance)\b"
)
TAX_INSIDE = re.compile(
    r"\b(?:incl|including|inclusive of|inkl|inklusive)\b.{0,14}\b(?:vat|tax|gst|mwst|ust|tva|iva)\b"
    r"|\bttc\b|\biva inclu"
)
CARRIAGE_INSIDE = re.compile(
    r"\b(?:ddp|dap|cif|cfr|cip|cpt|free delivered|frei haus)\b|\b(?:incl|including|inkl)\b.{0,12}"
    r"(?:freight|shipping|delivery|versand|fracht|duty|duties)"
)
BUYER_LABEL = re.compile(
    r"^(?:bill(?:ed)? to|sold to|ship to|buyer|customer|kunde|an:|client|consignee)"
)
COMPANY = re.compile(
    r"\b(?:ltd|limited|llc|inc|corp|co|company|gmbh|ag|kg|ohg|ug|sarl|sas|sa|srl|spa|s\.?l|bv|nv|ab"
    r"|plc|pvt|pte|pty|oy|aps|a/s|sp\.? z o\.?o)\b\.?",
    re.IGNORECASE,
)


def folded(text: str) -> str:
    """Lower case without accents and doubled spaces, for comparing with the words above."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(one for one in plain if not unicodedata.combining(one)).split())


def column_of(heading: str) -> Column | None:
    """What a heading names; its currency, points and brackets do not count."""
    words = re.sub(r"\(.*?\)|\b(?:usd|eur|gbp|cad|jpy|aud)\b|[.:#€$£/]", " ", folded(heading))
    return COLUMNS.get(" ".join(words.split()))
