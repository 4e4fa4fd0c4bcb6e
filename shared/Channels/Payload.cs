using System.Runtime.InteropServices;
using System.Text.Json;
using Selvedge.Orders;
using Selvedge.Platform;
using Fields = Selvedge.Channels.Shopify.ShopifyFields;

namespace Selvedge.Channels;

/// <summary>What the payloads of marketplaces have in common, however they name it.</summary>
internal static class Payload
{
    /// <summary>Three capital letters (ISO 4217).</summary>
    public static string Currency(Fields fields, string name) => fields.Text(name, 10) is { Length: 3 } code && code.All(char.IsAsciiLetterUpper)
        ? code : fields.Fault(name, "Expected three capital letters (ISO 4217).", "");

    public static string? Name(string? first, string? last) => first is null || last is null ? first ?? last : $"{first} {last}";

    public static Dictionary<string, string> References(params ReadOnlySpan<(string Name, string? Value)> references)
    {
        var kept = new Dictionary<string, string>(references.Length, StringComparer.Ordinal);
        foreach (var (name, value) in references)
            if (value is not null) kept[name] = value;
        return kept;
    }

    /// <exception cref="ProblemException">400, when there are any.</exception>
    public static void ThrowIfFaulty(List<Fault> faults)
    {
        if (faults.Count > 0) throw ProblemException.Invalid($"{faults[0].Pointer}: {faults[0].Detail}{(faults.Count > 1 ? $" And {faults.Count - 1} more." : "")}", faults);
    }

    /// <summary>What <paramref name="parse"/> makes of an order, or that nobody can take it in: the others go on.</summary>
    public static ChannelOrder Read(JsonElement order, string channel, string? id, DateTimeOffset seenAt, Func<JsonElement, ChannelOrder> parse)
    {
        try
        {
            return parse(order);
        }
        catch (ProblemException unreadable)
        {
            var raw = JsonMarshal.GetRawUtf8Value(order).ToArray();
            id ??= "unread-" + Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(raw))[..16];
            return new(new() { ExternalId = id, Currency = "", Lines = [], Actor = "channel:" + channel }, seenAt, raw, Unreadable: unreadable.Message);
        }
    }

    /// <summary>Two letters as they are, three (ISO 3166-1 alpha-3) as two; null for what is no country's code.</summary>
    public static string? Country(string? code) => code switch
    {
        { Length: 2 } => code.ToUpperInvariant(),
        { Length: 3 } => Two(code.ToUpperInvariant()),
        _ => null,
    };

    static string? Two(string three)
    {
        for (var at = 0; at + 5 <= Countries.Length; at += 6)
            if (string.CompareOrdinal(Countries, at, three, 0, 3) == 0) return Countries.Substring(at + 3, 2);
        return null;
    }

    // ISO 3166-1: alpha-3 and alpha-2 of each, as officially assigned.
    const string Countries =
        "ABWAW AFGAF AGOAO AIAAI ALAAX ALBAL ANDAD AREAE ARGAR ARMAM ASMAS ATAAQ ATFTF ATGAG AUSAU AUTAT AZEAZ BDIBI BELBE BENBJ BESBQ BFABF BGDBD BGRBG BHRBH BHSBS BIHBA BLMBL BLRBY BLZBZ " +
        "BMUBM BOLBO BRABR BRBBB BRNBN BTNBT BVTBV BWABW CAFCF CANCA CCKCC CHECH CHLCL CHNCN CIVCI CMRCM CODCD COGCG COKCK COLCO COMKM CPVCV CRICR CUBCU CUWCW CXRCX CYMKY CYPCY CZECZ DEUDE " +
        "DJIDJ DMADM DNKDK DOMDO DZADZ ECUEC EGYEG ERIER ESHEH ESPES ESTEE ETHET FINFI FJIFJ FLKFK FRAFR FROFO FSMFM GABGA GBRGB GEOGE GGYGG GHAGH GIBGI GINGN GLPGP GMBGM GNBGW GNQGQ GRCGR " +
        "GRDGD GRLGL GTMGT GUFGF GUMGU GUYGY HKGHK HMDHM HNDHN HRVHR HTIHT HUNHU IDNID IMNIM INDIN IOTIO IRLIE IRNIR IRQIQ ISLIS ISRIL ITAIT JAMJM JEYJE JORJO JPNJP KAZKZ KENKE KGZKG KHMKH " +
        "KIRKI KNAKN KORKR KWTKW LAOLA LBNLB LBRLR LBYLY LCALC LIELI LKALK LSOLS LTULT LUXLU LVALV MACMO MAFMF MARMA MCOMC MDAMD MDGMG MDVMV MEXMX MHLMH MKDMK MLIML MLTMT MMRMM MNEME MNGMN " +
        "MNPMP MOZMZ MRTMR MSRMS MTQMQ MUSMU MWIMW MYSMY MYTYT NAMNA NCLNC NERNE NFKNF NGANG NICNI NIUNU NLDNL NORNO NPLNP NRUNR NZLNZ OMNOM PAKPK PANPA PCNPN PERPE PHLPH PLWPW PNGPG POLPL " +
        "PRIPR PRKKP PRTPT PRYPY PSEPS PYFPF QATQA REURE ROURO RUSRU RWARW SAUSA SDNSD SENSN SGPSG SGSGS SHNSH SJMSJ SLBSB SLESL SLVSV SMRSM SOMSO SPMPM SRBRS SSDSS STPST SURSR SVKSK SVNSI " +
        "SWESE SWZSZ SXMSX SYCSC SYRSY TCATC TCDTD TGOTG THATH TJKTJ TKLTK TKMTM TLSTL TONTO TTOTT TUNTN TURTR TUVTV TWNTW TZATZ UGAUG UKRUA UMIUM URYUY USAUS UZBUZ VATVA VCTVC VENVE VGBVG " +
        "VIRVI VNMVN VUTVU WLFWF WSMWS YEMYE ZAFZA ZMBZM ZWEZW ";
}
