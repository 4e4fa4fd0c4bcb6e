namespace Selvedge.Local.Cosmos;

/// <summary>Settings the Microsoft.Azure.Cosmos SDK takes from the environment of its process.</summary>
public static class CosmosEnvironment
{
    /// <summary>
    /// Call before the first client is made. The SDK then plans queries with the native library of its own package instead of asking
    /// the gateway, and does not look for an Azure machine's metadata service. What is already set stays. That library says
    /// <c>FAILED at …ServiceInteropImpl.cpp</c> on stderr for a text that it does not take for SQL (in our suites for nothing else): look for a query to mend.
    /// </summary>
    public static void Apply()
    {
        Set("AZURE_COSMOS_USE_QUERY_PLAN_INTEROP_LINUX", "true");
        Set("COSMOS_DISABLE_IMDS_ACCESS", "true");
    }

    private static void Set(string name, string value)
    {
        if (Environment.GetEnvironmentVariable(name) is null)
        {
            Environment.SetEnvironmentVariable(name, value);
        }
    }
}
