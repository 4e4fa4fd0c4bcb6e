namespace Selvedge.Local.Functions;

/// <summary>Marks a method as a function (official: Microsoft.Azure.Functions.Worker.FunctionAttribute).</summary>
[AttributeUsage(AttributeTargets.Method)]
public class FunctionAttribute(string name) : Attribute
{
    /// <summary>The function's name, unique in the app.</summary>
    public string Name { get; } = name;
}
