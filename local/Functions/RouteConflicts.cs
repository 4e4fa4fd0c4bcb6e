using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Constraints;
using Microsoft.AspNetCore.Routing.Patterns;

namespace Selvedge.Local.Functions;

/// <summary>
/// Refuses two functions that could answer one request. Azure's host takes the one whose name sorts first, whatever the
/// routes say: <c>audits/{id}</c> would swallow <c>audits/latest</c>. A literal beside a parameter is therefore a
/// conflict too, unless the parameter's constraints (<c>{id:int}</c>) exclude the literal.
/// </summary>
internal static class RouteConflicts
{
    /// <exception cref="LocalHostException">Two routes overlap; the message names both functions.</exception>
    public static void Refuse(IReadOnlyList<HostedFunction> functions)
    {
        var routed = functions.Where(function => function.Http is not null).ToList();
        for (var i = 0; i < routed.Count; i++)
        {
            for (var j = i + 1; j < routed.Count; j++)
            {
                var (one, other) = (routed[i].Http!, routed[j].Http!);
                if (SharedMethod(one.Methods, other.Methods) is { } method && Overlap(one.Pattern, other.Pattern))
                {
                    throw new LocalHostException(ExitCode.Functions, $"Functions {routed[i].Name} ({one.Pattern.RawText}) and {routed[j].Name} ({other.Pattern.RawText}) can both match one {method} request, and Azure would choose by function name. Change a route, or exclude one from the other with a constraint such as {{id:int}}.");
                }
            }
        }
    }

    /// <summary>Some path matches both.</summary>
    public static bool Overlap(RoutePattern one, RoutePattern other) => Overlap(one, 0, other, 0);

    private static string? SharedMethod(IReadOnlyList<string> one, IReadOnlyList<string> other) =>
        one.Count == 0 ? (other.Count == 0 ? "HTTP" : other[0])
        : other.Count == 0 ? one[0]
        : one.FirstOrDefault(other.Contains);

    private static bool Overlap(RoutePattern a, int i, RoutePattern b, int j)
    {
        var restOfA = i == a.PathSegments.Count;
        var restOfB = j == b.PathSegments.Count;
        if (restOfA || restOfB) { return (restOfA || MayBeAbsent(a, i)) && (restOfB || MayBeAbsent(b, j)); }
        var (x, y) = (a.PathSegments[i], b.PathSegments[j]);
        if (CatchAll(x)) { return Overlap(a, a.PathSegments.Count, b, j) || ((CatchAll(y) || MayBePresent(b, y)) && Overlap(a, i, b, j + 1)); }
        if (CatchAll(y)) { return Overlap(b, j, a, i); }
        // Where both optional tails are left out the paths are the same already.
        if (MayBeAbsent(a, i) && MayBeAbsent(b, j)) { return true; }
        return MatchOneText(a, x, b, y) && Overlap(a, i + 1, b, j + 1);
    }

    // From segment i on nothing needs to be there: only optional parameters, defaults and a catch-all follow.
    private static bool MayBeAbsent(RoutePattern pattern, int i) => pattern.PathSegments.Skip(i)
        .All(segment => Parameter(segment) is { } parameter && (parameter.IsOptional || parameter.IsCatchAll || parameter.Default is not null));

    private static bool MayBePresent(RoutePattern pattern, RoutePatternPathSegment segment) =>
        Parameter(segment) is not { } parameter || !Constraints(pattern, parameter).Any(constraint => constraint is MaxLengthRouteConstraint { MaxLength: 0 });

    private static bool MatchOneText(RoutePattern a, RoutePatternPathSegment x, RoutePattern b, RoutePatternPathSegment y)
    {
        if (!MayBePresent(a, x) || !MayBePresent(b, y)) { return false; }
        return (Literal(x), Literal(y)) switch
        {
            ({ } one, { } other) => one.Equals(other, StringComparison.OrdinalIgnoreCase),
            ({ } text, null) => Accepts(b, y, text),
            (null, { } text) => Accepts(a, x, text),
            // Two parameters: whether their constraints leave a common text is not worked out, so they overlap.
            (null, null) => true,
        };
    }

    private static bool Accepts(RoutePattern pattern, RoutePatternPathSegment segment, string text) => Parameter(segment) is { } parameter
        ? Constraints(pattern, parameter).All(constraint => constraint.Match(null, null, parameter.Name, new() { [parameter.Name] = text }, RouteDirection.IncomingRequest))
        : (segment.Parts[0] is not RoutePatternLiteralPart first || text.StartsWith(first.Content, StringComparison.OrdinalIgnoreCase))
            && (segment.Parts[^1] is not RoutePatternLiteralPart last || text.EndsWith(last.Content, StringComparison.OrdinalIgnoreCase));

    private static IEnumerable<IRouteConstraint> Constraints(RoutePattern pattern, RoutePatternParameterPart parameter) =>
        pattern.ParameterPolicies.GetValueOrDefault(parameter.Name, []).Select(reference => Policies.Create(parameter, reference)).OfType<IRouteConstraint>();

    private static string? Literal(RoutePatternPathSegment segment) => segment.IsSimple && segment.Parts[0] is RoutePatternLiteralPart literal ? literal.Content : null;

    private static RoutePatternParameterPart? Parameter(RoutePatternPathSegment segment) => segment.IsSimple ? segment.Parts[0] as RoutePatternParameterPart : null;

    private static bool CatchAll(RoutePatternPathSegment segment) => Parameter(segment) is { IsCatchAll: true };

    private static readonly ParameterPolicyFactory Policies = HttpFunctions.ParameterPolicies();
}
